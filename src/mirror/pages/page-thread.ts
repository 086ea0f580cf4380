/**
 * The page thread's program: requests to PageService, one reply each. Bytes in
 * a reply are handed over, not copied. The first page is waited for, so what
 * not every mirror needs is loaded when it is needed. Must not print.
 */
import { workerData } from "node:worker_threads";
import { keepCompiledCode } from "../../base/compile-cache.ts";
import { serveQuestions } from "../../base/thread-service.ts";
import { Turns } from "../../base/turns.ts";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import type { Policy } from "../policy/policy.ts";
import type { PageReply, PageRequest } from "./page-messages.ts";
import { PageService, type PageServiceSettings } from "./page-service.ts";

const HIDES_NOTHING: Policy = {
  isActive: false,
  judge: () => ({ visible: true, hiddenBy: null }),
};

keepCompiledCode();
const { mark, ...settings } = workerData as PageServiceSettings & { readonly mark: Int32Array };
const opened = policyOf(settings.policy).then((policy) => new PageService(settings, policy));

/** One page at a time is in memory at its full size. */
const turns = new Turns(1);

serveQuestions<PageRequest, PageReply>({
  answer: (request) => turns.run(() => answer(request)),
  buffersOf({ value }) {
    const { bytes } = (value ?? {}) as { bytes?: Uint8Array<ArrayBuffer> };
    return bytes instanceof Uint8Array ? [bytes.buffer] : [];
  },
  // The last connection that closes folds the write-ahead log into the file.
  close: async () => (await opened).close(),
});

async function answer({ number, method, args }: PageRequest): Promise<PageReply> {
  const service = await opened;
  const serve = service[method] as (...args: readonly unknown[]) => unknown;
  Atomics.store(mark, 0, number);
  const value = await serve.call(service, ...args);
  // Not when that throws: this thread ends of it.
  Atomics.store(mark, 0, 0);
  return { value, projectCount: service.projectCount, faults: service.takeFaults() };
}

async function policyOf(config: PolicyConfig): Promise<Policy> {
  if (config.rules.length === 0 && config.cooldownMs === 0) return HIDES_NOTHING;
  const { createPolicy } = await import("../policy/create-policy.ts");
  return createPolicy(config);
}
