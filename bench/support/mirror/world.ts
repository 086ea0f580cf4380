/**
 * World of the mirror's figures: the upstream double in a process of its own,
 * what it holds, and a way to ask it what it was asked. Ended whatever fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Effort, scaled } from "../figure.ts";
import { type Content, contentOf, type Sizes } from "./content.ts";
import type { PathCounts } from "./double.ts";

const DOUBLE = join(import.meta.dirname, "double.ts");

export interface World {
  readonly sizes: Sizes;
  readonly content: Content;
  /** Of the double's simple API. */
  readonly indexUrl: string;
  /** What was asked of a path so far. */
  counts(path: string): Promise<PathCounts>;
  /** The list has one name more. */
  growList(): Promise<void>;
  /** Of each transfer of a file; 0 is unlimited. */
  paceFiles(bytesPerSecond: number): Promise<void>;
}

export function sizesOf(effort: Effort): Sizes {
  return {
    fileCount: Math.max(3, scaled(3_000, effort)),
    nameCount: scaled(600_000, effort),
    wheelBytes: scaled(10e6, effort),
    largeBytes: scaled(100e6, effort),
    smallCount: scaled(1_000, effort),
    smallFileCount: Math.max(5, scaled(100, effort)),
  };
}

export async function withWorld<Value>(effort: Effort, work: (world: World) => Promise<Value>): Promise<Value> {
  const sizes = sizesOf(effort);
  const double = spawn(process.execPath, [DOUBLE, JSON.stringify(sizes)], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(double, "exit");
  try {
    const [line] = (await Promise.race([once(double.stdout, "data"), gone.then(endedEarly)])) as [Buffer];
    const origin = `http://127.0.0.1:${Number(line.toString())}`;
    const tell = async (what: string): Promise<Record<string, PathCounts>> => {
      const answer = await fetch(`${origin}/-/${what}`);
      return (await answer.json()) as Record<string, PathCounts>;
    };
    return await work({
      sizes,
      content: contentOf(sizes),
      indexUrl: `${origin}/simple/`,
      counts: async (path) => (await tell("counts"))[path] ?? { gets: 0, heads: 0, endedAtMs: 0 },
      growList: async () => void (await tell("grow")),
      paceFiles: async (bytesPerSecond) => void (await tell(`pace?bytesPerSecond=${bytesPerSecond}`)),
    });
  } finally {
    double.kill("SIGKILL");
    await gone;
  }
}

function endedEarly([code, signal]: readonly unknown[]): never {
  throw new Error(`The upstream double ended with ${signal ?? `code ${code}`} before it listened`);
}
