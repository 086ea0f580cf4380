/**
 * Host log: what runs say by `host_log`, as much of it as they may write to
 * standard error. A line costs its host more than its guest, and one that logs in
 * a loop would fill every log there is. What does not fit is counted.
 */
import { STDERR_MAX_BYTES } from "./run-end.ts";

export class HostLog {
  readonly #bytes = new Map<number, number>();

  /** As much of the text as there is room for; null for nothing at all. An empty line counts as well. */
  take(runId: number, text: string): string | null {
    const before = this.#bytes.get(runId) ?? 0;
    const length = Buffer.byteLength(text);
    this.#bytes.set(runId, before + length + 1);
    const room = STDERR_MAX_BYTES - before;
    if (room <= 0) return null;
    return length <= room ? text : Buffer.from(text).toString("utf8", 0, room);
  }

  /** The run is over: a line about what was dropped; null when nothing was. */
  end(runId: number): string | null {
    const bytes = this.#bytes.get(runId) ?? 0;
    this.#bytes.delete(runId);
    return bytes <= STDERR_MAX_BYTES ? null : `host_log: ${bytes - STDERR_MAX_BYTES} bytes more dropped`;
  }
}
