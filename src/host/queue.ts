/**
 * Queue capability: a message becomes a durable job of its topic; who carries it
 * out is the server's business. Topics have a beginning of their own among the
 * queues of jobs, so that no function can forge one of the server's jobs.
 */

import { ok } from "../base/result.ts";
import { DAY_MS, MIB } from "../base/units.ts";
import type { QueueCapability } from "./capabilities.ts";
import type { CapabilityBase } from "./capability-host.ts";
import { checkedBytes, checkedNumber, checkedText } from "./check-arguments.ts";

export const MESSAGE_MAX_BYTES = MIB;
export const DELAY_MAX_MS = 30 * DAY_MS;
const IDEMPOTENCY_KEY_MAX_LENGTH = 256;

/** Queue of the jobs that are made from messages to this topic. */
export function queueOfTopic(topic: string): string {
  return `topic/${topic}`;
}

export function queueCapability({ functionId, store, allowed, attempt }: CapabilityBase): QueueCapability {
  return {
    enqueue: (topic, payload, { delayMs, idempotencyKey } = {}) =>
      attempt(async (hold) => {
        const added = await store.jobs.enqueue({
          queue: queueOfTopic(allowed("queue", topic)),
          payload: checkedBytes(payload, "a message", MESSAGE_MAX_BYTES, hold),
          meta: JSON.stringify({ from: functionId }),
          ...(delayMs === undefined ? {} : { delayMs: checkedNumber(delayMs, "delayMs", 0, DELAY_MAX_MS) }),
          ...(idempotencyKey === undefined
            ? {}
            : { idempotencyKey: checkedText(idempotencyKey, "idempotencyKey", IDEMPOTENCY_KEY_MAX_LENGTH) }),
        });
        return added.ok ? ok({ id: added.value.id }) : added;
      }),
  };
}
