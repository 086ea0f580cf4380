/**
 * The page thread's program: requests to PageService, one reply each. Bytes in
 * a reply are handed over, not copied. A mistake of ours ends the thread, and
 * with it the requests that it had; the next request starts another.
 * Must not print.
 */
import { parentPort, workerData } from "node:worker_threads";
import { createPolicy } from "../policy/create-policy.ts";
import type { PageReply, PageRequest } from "./page-messages.ts";
import { PageService, type PageServiceSettings } from "./page-service.ts";

const port = parentPort!;
const settings = workerData as PageServiceSettings;
const opened = createPolicy(settings.policy).then((policy) => new PageService(settings, policy));

port.on("message", async ({ id, method, args }: PageRequest | { id: null; method: "close"; args: [] }) => {
  const service = await opened;
  if (method === "close") {
    // The last connection that closes folds the write-ahead log into the file.
    service.close();
    port.close();
    return;
  }
  const serve = service[method] as (...args: readonly unknown[]) => unknown;
  const value = await serve.call(service, ...args);
  const reply: PageReply = { id, value, projectCount: service.projectCount, faults: service.takeFaults() };
  port.postMessage(reply, transferables(value));
});

function transferables(value: unknown): ArrayBuffer[] {
  const { bytes } = (value ?? {}) as { bytes?: Uint8Array<ArrayBuffer> };
  return bytes instanceof Uint8Array ? [bytes.buffer] : [];
}
