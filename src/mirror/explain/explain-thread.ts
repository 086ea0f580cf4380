/**
 * The thread that works out one POST /explain: reads the lock file, asks the
 * event loop for projects, and hands over the finished answer. It may be ended
 * at any point. Must not print.
 */
import { parentPort } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import type { Result } from "../../base/result.ts";
import type { MirrorFailure } from "../failures.ts";
import type { ProjectExplanation } from "../pages/pages.ts";
import { explainRequirements, type LookUp } from "./explain-requirements.ts";

/** The first message to the thread, and those that follow. */
export interface ExplainRequest {
  readonly lockFile: Uint8Array;
  /** A file name, a media type or null. */
  readonly nameHint: string | null;
}

export interface LookedUp {
  readonly project: string;
  readonly found: Result<ProjectExplanation, MirrorFailure>;
}

/** From the thread. */
export type ExplainMessage =
  | { readonly kind: "look-up"; readonly project: string }
  | { readonly kind: "answer"; readonly json: Uint8Array<ArrayBuffer> }
  /** A phrase that follows "Cannot read the requirements: ". */
  | { readonly kind: "unreadable"; readonly reason: string };

const port = parentPort!;
const waiting = new Map<string, (found: LookedUp["found"]) => void>();

const lookUp: LookUp = (project) => {
  const { promise, resolve } = Promise.withResolvers<LookedUp["found"]>();
  waiting.set(project, resolve);
  tell({ kind: "look-up", project });
  return promise;
};

port.on("message", (message: ExplainRequest | LookedUp) => {
  if ("lockFile" in message) {
    void explain(message);
    return;
  }
  const settle = waiting.get(message.project);
  assert(settle !== undefined, `nobody asked for ${message.project}`);
  waiting.delete(message.project);
  settle(message.found);
});

async function explain({ lockFile, nameHint }: ExplainRequest): Promise<void> {
  const explained = await explainRequirements(new TextDecoder().decode(lockFile), nameHint, lookUp);
  if (!explained.ok) {
    tell({ kind: "unreadable", reason: explained.failure });
    return;
  }
  const json = new TextEncoder().encode(`${JSON.stringify(explained.value)}\n`);
  tell({ kind: "answer", json }, [json.buffer]);
}

function tell(message: ExplainMessage, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
