/** The flags of a load run, as a table, and as the options that a plan is made of. */
import type { Flag } from "../config/flags.ts";
import type { LoadOptions } from "../lab/load/make-plan.ts";

const LOAD = "Load";
const REQUEST = "Request";
const CONNECTION = "Connections";
const CHECK = "Checks (a request that fails one has failed, however fast it was)";
const OUTPUT = "Output";

export const LOAD_FLAGS: readonly Flag[] = [
  {
    name: "connections",
    short: "c",
    value: "N",
    group: LOAD,
    help: "users of a closed loop; at most as many connections of an open one",
    shown: "50",
  },
  { name: "duration", short: "d", value: "TIME", group: LOAD, help: "how long", shown: "10s; none with --requests" },
  { name: "requests", value: "N", group: LOAD, help: "end after as many" },
  { name: "warm-up", value: "TIME", group: LOAD, help: "send for so long before, without counting", shown: "0s" },
  { name: "rate", value: "N", group: LOAD, help: "open loop: requests a second, evenly" },
  { name: "poisson", group: LOAD, help: "with --rate: at random, as many clients would" },
  { name: "steps", value: "R:T,…", group: LOAD, help: "open loop: one rate after another, such as 100:10s,200:10s" },
  { name: "ramp", value: "A..B", group: LOAD, help: "open loop: from A requests a second to B over the duration" },
  { name: "think", value: "TIME", group: LOAD, help: "closed loop: pause of each user between answer and next request", shown: "0s" },
  { name: "threads", value: "N", group: LOAD, help: "load threads", shown: "1; 2 for high loads on four cores or more" },
  { name: "seed", value: "N", group: LOAD, help: "of what is random: the same seed, the same run", shown: "1" },
  { name: "method", short: "m", value: "M", group: REQUEST, help: "method", shown: "GET, or POST with --data" },
  { name: "header", short: "H", value: "'K: V'", group: REQUEST, help: "a header; may be repeated", repeatable: true },
  { name: "data", value: "D", group: REQUEST, help: "body: text, @FILE, or - for standard input" },
  { name: "template", group: REQUEST, help: "fill {{sequence}}, {{random}}, {{uuid}} and {{timestamp}} in the body" },
  { name: "timeout", value: "TIME", group: REQUEST, help: "from when it was due to the end of its answer", shown: "30s" },
  { name: "no-keep-alive", group: CONNECTION, help: "a new connection for each request" },
  { name: "pipelining", value: "N", group: CONNECTION, help: "requests under way at once on each connection", shown: "1" },
  { name: "insecure", group: CONNECTION, help: "accept any certificate" },
  { name: "ca", value: "FILE", group: CONNECTION, help: "trust these certificates (PEM) instead of the system's" },
  { name: "servername", value: "NAME", group: CONNECTION, help: "name for TLS", shown: "the URL's" },
  {
    name: "check-status",
    value: "N,…",
    group: CHECK,
    help: "status is one of these; may be repeated",
    shown: "200 to 399",
    repeatable: true,
  },
  { name: "check-header", value: "'K: V'", group: CHECK, help: "a header has this value; may be repeated", repeatable: true },
  { name: "check-body", value: "TEXT", group: CHECK, help: "the body contains this; may be repeated", repeatable: true },
  { name: "check-match", value: "REGEX", group: CHECK, help: "the body matches this; may be repeated", repeatable: true },
  { name: "threshold", value: "'p99<200ms'", group: OUTPUT, help: "what must hold, else status 99; may be repeated", repeatable: true },
  { name: "json", value: "FILE", group: OUTPUT, help: "everything for programs; - for standard output" },
  {
    name: "csv",
    value: "FILE",
    group: OUTPUT,
    help: "a line for each request, in send order, for the first 5,000,000; - for standard output",
  },
  { name: "html", value: "FILE", group: OUTPUT, help: "a page with plots that needs nothing else" },
  { name: "quiet", short: "q", group: OUTPUT, help: "no progress and no summary" },
];

/** What makePlan reads; the body and certificates are files, and so the caller's. */
export function loadOptions(values: ReadonlyMap<string, readonly string[]>): Omit<LoadOptions, "url"> {
  const texts = ["connections", "duration", "requests", "warm-up", "rate", "steps", "ramp", "think", "threads", "seed", "method"] as const;
  const more = ["timeout", "pipelining", "servername"] as const;
  const lists = ["check-status", "check-header", "check-body", "check-match"] as const;
  const given = [...texts, ...more].flatMap((name) => (values.has(name) ? [[name, values.get(name)!.at(-1)]] : []));
  const repeated = lists.flatMap((name) => (values.has(name) ? [[name, values.get(name)]] : []));
  return {
    ...Object.fromEntries([...given, ...repeated]),
    headers: values.get("header") ?? [],
    poisson: values.has("poisson"),
    template: values.has("template"),
    keepsAlive: !values.has("no-keep-alive"),
    insecure: values.has("insecure"),
    keepsSamples: values.has("csv"),
  };
}
