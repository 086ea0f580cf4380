/**
 * LogRing: the latest log lines in memory, bounded by count and by size, for
 * `pilotlight logs` and /v1/logs. Followers get each new line as it comes.
 */
export const RING_LINES_MAX = 1_000;
export const RING_MAX_BYTES = 1024 * 1024;

export type Follower = (line: string) => void;

export class LogRing {
  readonly #lines: string[] = [];
  readonly #followers = new Set<Follower>();
  #bytes = 0;

  get followerCount(): number {
    return this.#followers.size;
  }

  /** `line` without its newline. */
  push(line: string): void {
    this.#lines.push(line);
    // UTF-16 code units: what the strings cost at most, near enough for a bound.
    this.#bytes += line.length;
    while (this.#lines.length > RING_LINES_MAX || (this.#bytes > RING_MAX_BYTES && this.#lines.length > 1)) {
      this.#bytes -= this.#lines.shift()!.length;
    }
    for (const follower of this.#followers) follower(line);
  }

  /** Oldest first; of one function when named. */
  lines(functionId: string | null): readonly string[] {
    return this.#lines.filter((line) => isAbout(line, functionId));
  }

  /** Calls `follower` with every new line of that function until the returned function is called. */
  follow(functionId: string | null, follower: Follower): () => void {
    const filtered: Follower = (line) => {
      if (isAbout(line, functionId)) follower(line);
    };
    this.#followers.add(filtered);
    return () => void this.#followers.delete(filtered);
  }
}

function isAbout(line: string, functionId: string | null): boolean {
  if (functionId === null) return true;
  // Quick refusal first: parsing every line for every follower would cost more than the logs.
  if (!line.includes(JSON.stringify(functionId))) return false;
  try {
    return (JSON.parse(line) as { function?: unknown }).function === functionId;
  } catch {
    return false;
  }
}
