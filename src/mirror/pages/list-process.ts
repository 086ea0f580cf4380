/**
 * List process: runs a list job in a process of its own, at low priority: it
 * computes for a second or two, and on a machine with one core whoever asks
 * for a page meanwhile comes first. Not in a thread, whose end gives back
 * little: 600,000 names left 200 MB behind, and took 350 where this takes 190.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { programFile } from "../../base/package-files.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import { messageHead, readMessage } from "./framed-message.ts";
import type { ListJob, ListJobReply } from "./list-job.ts";

/** Room for a list three times as long; the young generation is small, because what is made here stays until the end. */
const V8_FLAGS = ["--max-old-space-size=320", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning"];
const STDERR_MAX_CHARS = 2_000;

/** A reply as it is on the pipe: the form's bytes come behind it. */
export interface ListProcessReply extends Omit<ListJobReply, "form"> {
  readonly form: { readonly tag: string; readonly sizeBytes: number } | null;
}

/** Of what follows the job on the pipe: what sources sent, in their order. */
export function bodySizes({ sources }: ListJob): number[] {
  return sources.flatMap(({ sent }) => (sent === null ? [] : [sent.body.sizeBytes]));
}

export interface ListRun {
  readonly result: Promise<Result<ListJobReply, StoreFault>>;
  end(): void;
}

export function startListProcess(job: ListJob): ListRun {
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...V8_FLAGS, programFile("mirror/pages/list-main")], {
      // Nothing of the mirror's environment: credentials of indexes may be in it.
      env: {},
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (error) {
    // Some refusals of the system are thrown (no memory), others are told by an event.
    return { result: Promise.resolve(fail(lost(notStarted(error as Error)))), end: () => {} };
  }
  lowerPriority(child);
  return { result: replyOf(child, job), end: () => void child.kill("SIGKILL") };
}

async function replyOf(child: ChildProcess, job: ListJob): Promise<Result<ListJobReply, StoreFault>> {
  let stderr = "";
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(notStarted(error)));
    child.once("close", (code, killedBy) => resolve(`it ended with ${killedBy ?? `code ${code}`}. ${stderr}`));
  });
  // One that was not started has no pipes either when no more files can be open.
  if (child.pid === undefined) return fail(lost(await ended));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < STDERR_MAX_CHARS) stderr += text;
  });
  // It may be dead before it has read its job; its end says so.
  child.stdin!.on("error", () => {});
  send(child, job);
  const message = await readMessage<ListProcessReply>(child.stdout!, ({ form }) => (form === null ? [] : [form.sizeBytes])).catch(
    () => null,
  );
  const why = await ended;
  if (message === null) return fail(lost(why));
  const { form, ...reply } = message.head;
  return ok({ ...reply, form: form === null ? null : { tag: form.tag, bytes: message.bodies[0]! } });
}

function notStarted({ message }: Error): string {
  return `it could not be started: ${message}`;
}

function lost(why: string): StoreFault {
  return { code: "STORAGE_FAILED", message: `The process that makes the list of projects was lost: ${why}` };
}

function send({ stdin }: ChildProcess, job: ListJob): void {
  const sources = job.sources.map((source) => {
    return source.sent === null ? source : { ...source, sent: { ...source.sent, body: { ...source.sent.body, blocks: [] } } };
  });
  stdin!.write(messageHead({ ...job, sources }));
  for (const { sent } of job.sources) {
    let left = sent?.body.sizeBytes ?? 0;
    for (const block of sent?.body.blocks ?? []) {
      const part = new Uint8Array(block, 0, Math.min(left, block.byteLength));
      left -= part.length;
      stdin!.write(part);
    }
  }
  stdin!.end();
}

function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system has no priorities.
  }
}
