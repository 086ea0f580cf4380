/** How the indexes are asked: the mirror's settings under `upstream:`, and `offline`. */
import { readBoolean, readCount, readDuration, readSizeAboveZero, readText } from "../readers.ts";
import type { MirrorSetting } from "./mirror-setting.ts";
import { inSeconds, readConcurrency, readWait } from "./readers.ts";

const UPSTREAM = "Asking the indexes";

export const UPSTREAM_SETTINGS = {
  offline: {
    read: readBoolean,
    variables: ["OFFLINE"],
    flag: { name: "offline", group: UPSTREAM, help: "ask no index: what is kept is served, whatever its age" },
  },
  "upstream.connect_timeout": {
    read: readWait,
    variables: ["CONNECT_TIMEOUT"],
    readVariable: inSeconds(readWait),
    flag: { name: "connect-timeout", value: "TIME", group: UPSTREAM, help: "longest wait for a connection to an index", shown: "5s" },
  },
  "upstream.read_timeout": {
    read: readWait,
    variables: ["READ_TIMEOUT"],
    readVariable: inSeconds(readWait),
    flag: { name: "read-timeout", value: "TIME", group: UPSTREAM, help: "longest silence before and within an answer", shown: "20s" },
  },
  "upstream.retries": {
    read: readCount(0, 100),
    variables: ["RETRIES"],
    about: { value: "N", help: "further attempts at what failed in a way that may pass", shown: "3" },
  },
  "upstream.retry_delay": {
    read: readWait,
    variables: ["RETRY_DELAY"],
    readVariable: inSeconds(readWait),
    about: { value: "TIME", help: "wait before the second attempt; doubled for each one after, give or take half", shown: "250ms" },
  },
  "upstream.downloads": {
    read: readConcurrency,
    variables: ["MAX_CONCURRENT_DOWNLOADS"],
    about: { value: "N", help: "files that are fetched at once; further ones wait", shown: "16" },
  },
  "upstream.parallel_ranges": {
    read: readCount(1, 16),
    variables: ["PARALLEL_RANGES"],
    about: { value: "N", help: "a file above 32 MiB comes in so many ranges at once, where the index allows", shown: "1" },
  },
  "upstream.ca_file": {
    read: readText,
    variables: ["CA_FILE"],
    flag: {
      name: "ca-file",
      value: "FILE",
      group: UPSTREAM,
      help: "certificates (PEM) trusted beside the system's",
      shown: "that of pip or uv here",
    },
  },
  "upstream.insecure": {
    read: readBoolean,
    variables: ["DISABLE_INDEX_SSL_VERIFICATION"],
    flag: { name: "insecure", group: UPSTREAM, help: "believe any certificate of an index: whoever stands between may then answer for it" },
  },
  "upstream.stale_if_error": {
    read: readDuration,
    variables: ["STALE_IF_ERROR"],
    readVariable: inSeconds(readDuration),
    flag: {
      name: "stale-if-error",
      value: "TIME",
      group: UPSTREAM,
      help: "how long past its freshness a page answers while its index fails",
      shown: "30d",
    },
  },
  "upstream.negative_ttl": {
    read: readDuration,
    variables: ["NEGATIVE_TTL"],
    readVariable: inSeconds(readDuration),
    about: {
      value: "TIME",
      help: 'how long "no such project" is believed, and that a file has no metadata, signature or provenance',
      shown: "1m",
    },
  },
  "upstream.page_max": { read: readSizeAboveZero, about: { value: "SIZE", help: "largest page of a project that is taken", shown: "64m" } },
  "upstream.list_max": { read: readSizeAboveZero, about: { value: "SIZE", help: "largest list of projects that is taken", shown: "128m" } },
  "upstream.file_max": { read: readSizeAboveZero, about: { value: "SIZE", help: "largest file that is taken", shown: "16g" } },
} as const satisfies Readonly<Record<string, MirrorSetting<unknown>>>;
