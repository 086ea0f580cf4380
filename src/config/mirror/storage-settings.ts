/** Where files are kept: the mirror's settings under `storage:`. Those of the service's account are the ones its own tools read. */
import { readBoolean } from "../readers.ts";
import { HIDDEN, type MirrorSetting } from "./mirror-setting.ts";
import { readBucket, readConcurrency, readEndpoint, readPartSize, readPrefix, readRegion, readSecret, readStorageType } from "./readers.ts";

export const STORAGE_SETTINGS = {
  "storage.type": {
    read: readStorageType,
    variables: ["STORAGE_TYPE"],
    flag: { name: "storage", value: "local|s3", group: "Cache", help: "where files are kept", shown: "local" },
  },
  "storage.bucket": {
    read: readBucket,
    variables: ["S3_BUCKET"],
    about: { value: "NAME", help: "bucket; required with s3" },
  },
  "storage.prefix": {
    read: readPrefix,
    variables: ["S3_PREFIX"],
    about: { value: "TEXT", help: "what the keys in the bucket begin with", shown: "pilotlight" },
  },
  "storage.endpoint": {
    read: readEndpoint,
    variables: ["S3_ENDPOINT", "AWS_ENDPOINT_URL"],
    bareVariables: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    about: { value: "URL", help: "address of the service", shown: "the provider's own" },
  },
  "storage.region": {
    read: readRegion,
    variables: ["S3_REGION", "AWS_REGION"],
    bareVariables: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    about: { value: "NAME", help: "region that requests are signed for", shown: "us-east-1" },
  },
  "storage.access_key_id": {
    read: readSecret,
    variables: ["S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"],
    bareVariables: ["AWS_ACCESS_KEY_ID"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TEXT", help: "who asks the service; required with s3" },
  },
  "storage.secret_access_key": {
    read: readSecret,
    variables: ["S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"],
    bareVariables: ["AWS_SECRET_ACCESS_KEY"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TEXT", help: "what requests are signed with; required with s3" },
  },
  "storage.session_token": {
    read: readSecret,
    variables: ["S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"],
    bareVariables: ["AWS_SESSION_TOKEN"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TEXT", help: "goes along with keys that are given for some time only" },
  },
  "storage.force_path_style": {
    read: readBoolean,
    variables: ["S3_FORCE_PATH_STYLE"],
    about: { help: "the bucket stands in the path, not in the host's name", shown: "true with an endpoint" },
  },
  "storage.use_ssl": {
    read: readBoolean,
    variables: ["S3_USE_SSL"],
    about: { help: "whether an endpoint that names no scheme is asked by HTTPS", shown: "true" },
  },
  "storage.part_size": {
    read: readPartSize,
    variables: ["S3_PART_SIZE"],
    about: { value: "SIZE", help: "larger files go up in parts of this", shown: "10m" },
  },
  "storage.connections": {
    read: readConcurrency,
    variables: ["S3_MAX_CONNECTIONS"],
    about: { value: "N", help: "connections to the service at once", shown: "32" },
  },
} as const satisfies Readonly<Record<string, MirrorSetting<unknown>>>;
