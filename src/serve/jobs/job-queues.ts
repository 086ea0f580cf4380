/**
 * Job queues: which function carries out the jobs of which queue. Calls that
 * clients put off have a queue for each function; a message goes to the function
 * that its topic names, by id or by file name. Pure.
 */
import { basename } from "node:path";
import { queueOfTopic } from "../../host/queue.ts";

const CALL_PREFIX = "call/";
const TOPIC_PREFIX = queueOfTopic("");

interface Deployed {
  readonly id: string;
  readonly file: string;
}

export function queueOfCall(functionId: string): string {
  return CALL_PREFIX + functionId;
}

/** The function whose calls these are; null for a topic. */
export function functionOfCall(queue: string): string | null {
  return queue.startsWith(CALL_PREFIX) ? queue.slice(CALL_PREFIX.length) : null;
}

/** Null for a call. */
export function topicOf(queue: string): string | null {
  return queue.startsWith(TOPIC_PREFIX) ? queue.slice(TOPIC_PREFIX.length) : null;
}

/** Function ids by queue. An id goes before a file name; a file name that several functions share names none of them. */
export function queuesOf(functions: readonly Deployed[]): ReadonlyMap<string, string> {
  const queues = new Map<string, string>();
  const byName = Map.groupBy(functions, ({ file }) => basename(file));
  for (const [name, [first, second]] of byName) {
    if (name !== "" && first !== undefined && second === undefined) queues.set(queueOfTopic(name), first.id);
  }
  for (const { id } of functions) {
    queues.set(queueOfTopic(id), id);
    queues.set(queueOfCall(id), id);
  }
  return queues;
}
