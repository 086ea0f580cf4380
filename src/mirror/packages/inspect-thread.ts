/**
 * The thread that reads files of the folder of packages, one after another, as
 * inspector.ts sends them: hashing hundreds of megabytes must not hold up the
 * mirror's loop. It may be ended at any point. Must not print.
 */
import { serveQuestions } from "../../base/thread-service.ts";
import { type Inspection, inspectFile } from "./inspect-file.ts";
import type { InspectRequest } from "./inspector.ts";

serveQuestions<InspectRequest, Inspection>({ answer: ({ path, isZip }) => inspectFile(path, isZip) });
