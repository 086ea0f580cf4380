/**
 * Entry of the process that makes a list: one job on standard input, one reply
 * on standard output, and its end, with which all its memory comes back.
 */
import { messageHead, readMessage } from "./framed-message.ts";
import { type ListJob, runListJob } from "./list-job.ts";
import { bodySizes, type ListProcessReply } from "./list-process.ts";

void readMessage<ListJob>(process.stdin, bodySizes).then((message) => {
  if (message !== null) run(message.head, message.bodies);
  // Whoever started this is gone: nobody waits for a list.
  else process.exitCode = 1;
});

function run(job: ListJob, bodies: readonly Uint8Array<ArrayBuffer>[]): void {
  const following = bodies.values();
  const sources = job.sources.map((source) => {
    if (source.sent === null) return source;
    return { ...source, sent: { ...source.sent, body: { ...source.sent.body, blocks: [following.next().value!.buffer] } } };
  });
  const { form, ...reply } = runListJob({ ...job, sources });
  const head: ListProcessReply = { ...reply, form: form === null ? null : { tag: form.tag, sizeBytes: form.bytes.length } };
  process.stdout.write(messageHead(head));
  if (form !== null) process.stdout.write(form.bytes);
}
