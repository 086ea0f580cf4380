/**
 * The thread that reads files of the folder of packages, one after another, as
 * inspector.ts sends them: hashing hundreds of megabytes must not hold up the
 * mirror's loop. It may be ended at any point. Must not print.
 */
import { parentPort } from "node:worker_threads";
import { inspectFile } from "./inspect-file.ts";
import type { InspectRequest } from "./inspector.ts";

parentPort!.on("message", ({ id, path, isZip }: InspectRequest) => parentPort!.postMessage({ id, inspection: inspectFile(path, isZip) }));
