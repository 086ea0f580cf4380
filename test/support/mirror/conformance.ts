/**
 * Conformance rows as data: what is expected of any mirror of a simple index,
 * from the PEPs, RFC 9110 and what the tests' index itself holds. A row runs
 * against whichever mirror it is given and says all that it found wrong, so
 * that one suite judges this mirror and the others alike.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ended, environment } from "./python-tools.ts";
import type { Mirror, Settings, Subject } from "./subject.ts";
import { startUpstream, type Upstream } from "./upstream-double.ts";
import type { PageStyle } from "./upstream-pages.ts";

export interface Row {
  readonly id: number;
  readonly title: string;
  /** Packages without which it can't run. */
  readonly needs: readonly ("pip" | "uv")[];
  run(bench: Bench): Promise<void>;
}

export type Outcome =
  | { readonly kind: "pass"; readonly notes: readonly string[] }
  | { readonly kind: "fail"; readonly problems: readonly string[]; readonly notes: readonly string[] }
  | { readonly kind: "skip"; readonly reason: string };

export async function runRow(row: Row, subject: Subject): Promise<Outcome> {
  const missing = await subject.whyMissing();
  if (missing !== null) return { kind: "skip", reason: missing };
  for (const need of row.needs) {
    const had = await environment(need);
    if (!had.ok) return { kind: "skip", reason: had.reason };
  }
  await using bench = new Bench(subject);
  try {
    await row.run(bench);
  } catch (error) {
    bench.check(false, `broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { problems, notes } = bench;
  return problems.length === 0 ? { kind: "pass", notes } : { kind: "fail", problems, notes };
}

export interface MirrorSettings extends Partial<Settings> {
  readonly indexUrl: string;
}

/** What a row works with: everything it starts is ended with it. */
export class Bench implements AsyncDisposable {
  readonly subject: Subject;
  readonly folder = mkdtempSync(join(tmpdir(), "mirror-row-"));
  readonly problems: string[] = [];
  readonly notes: string[] = [];
  readonly #open: AsyncDisposable[] = [];
  #folderCount = 0;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  /** Notes what is wrong, and goes on: a table should show all of it. */
  check(holds: boolean, wrong: string): void {
    if (!holds) this.problems.push(wrong);
  }

  same(got: unknown, wanted: unknown, what: string): void {
    const [one, other] = [JSON.stringify(got), JSON.stringify(wanted)];
    this.check(one === other, `${what}: ${short(one)} in place of ${short(other)}`);
  }

  /** Of what a mirror may do a moment later. */
  async eventually(condition: () => boolean, wrong: string): Promise<void> {
    const deadlineMs = performance.now() + EVENTUALLY_MS;
    while (!condition() && performance.now() < deadlineMs) await sleep(20);
    this.check(condition(), wrong);
  }

  /** A client that must succeed. False, and its last words noted, when it didn't. */
  succeeded(ended: Ended, what: string): boolean {
    // uv says first which Python it uses: a path of this machine, and no reason.
    const said = ended.stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("Using CPython"));
    this.check(ended.status === 0, `${what} ended with ${ended.status}: ${short(said.slice(-3).join(" | "))}`);
    return ended.status === 0;
  }

  /** For the table: what is worth knowing though nothing is wrong. */
  note(text: string): void {
    this.notes.push(text);
  }

  async upstream(style: Partial<PageStyle> = {}): Promise<Upstream> {
    return this.use(await startUpstream(style));
  }

  async mirror(settings: MirrorSettings): Promise<Mirror> {
    return this.use(await this.subject.start({ cacheDir: this.newFolder("cache"), ...settings }));
  }

  use<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#open.push(resource);
    return resource;
  }

  newFolder(name: string): string {
    const folder = join(this.folder, `${name}-${++this.#folderCount}`);
    mkdirSync(folder);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#open.reverse()) await resource[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const EVENTUALLY_MS = 10_000;
const TEXT_MAX = 300;

function short(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
