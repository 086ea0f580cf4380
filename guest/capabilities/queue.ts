/** env.QUEUE: messages to a topic. Text and bytes go as they are, anything else as JSON. */
import { ask, bytesOf, named } from "./capability.ts";

const SECOND_MS = 1_000;

interface SendOptions {
  readonly delaySeconds?: number;
  readonly idempotencyKey?: string;
}

export const queue = named((name) => ({
  async send(message: unknown, { delaySeconds, idempotencyKey }: SendOptions = {}) {
    const isPlain = typeof message === "string" || message instanceof ArrayBuffer || ArrayBuffer.isView(message);
    const text = isPlain ? message : JSON.stringify(message);
    if (text === undefined) throw new TypeError("the message has no JSON");
    const delayMs = delaySeconds === undefined ? undefined : Math.round(delaySeconds * SECOND_MS);
    return ask("queue.enqueue", name, bytesOf(text, "the message"), delayMs, idempotencyKey);
  },
}));
