/**
 * `node bench/sending.ts [--quick] [WAY…]`: what a stored file costs to send, CPU
 * ms per MB, by each way that Node has or could be given (bench/sending/), beside
 * nginx's sendfile where it is installed. Interleaved fresh processes, server on
 * one core, load on the other, every byte compared. Then memory of 1,000 clients
 * at once. The figures of docs/decisions/0018-sending-files.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KIB, MIB } from "../src/base/units.ts";
import { median } from "../src/stats/quantile.ts";
import { createRandom } from "../src/stats/random.ts";
import { WAYS, type WayName } from "./sending/ways.ts";
import { type Effort, scaled } from "./support/figure.ts";
import { interleave } from "./support/interleave.ts";
import { type Lab, openLab, type Subject } from "./support/lab.ts";
import { machineLine } from "./support/machine.ts";
import { nginx } from "./support/nginx.ts";
import { spread } from "./support/spread.ts";

const BIG_BYTES = 10e6;
const SMALL_BYTES = 64 * KIB;
const BIG_USERS = 4;
const SMALL_USERS = 10;
const MANY_USERS = 1_000;
const MEGABYTE = 1e6;
const SERVER = fileURLToPath(new URL("sending/server.ts", import.meta.url));

interface Sender {
  readonly name: string;
  readonly command: (port: number) => readonly string[];
}

export interface Measured {
  readonly name: string;
  readonly bigMsPerMb: readonly number[];
  readonly bigMbPerS: readonly number[];
  readonly smallUs: readonly number[];
  readonly manyOwnMib: number;
  readonly manyFileMib: number;
}

const folder = mkdtempSync(join(tmpdir(), "pilotlight-sending-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Chunks by way: where a way reads into buffers of its own, their size matters. */
const CHUNKS: Readonly<Record<WayName | "listener", readonly number[]>> = {
  read: [64 * KIB, 256 * KIB, MIB],
  "read-sync": [32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, MIB],
  "read-cached": [64 * KIB, 256 * KIB],
  sendfile: [256 * KIB, MIB, 2 * MIB],
  "sendfile-asked": [256 * KIB, MIB],
  splice: [MIB],
  mmap: [256 * KIB, MIB],
  memory: [256 * KIB, MIB],
  listener: [64 * KIB, 256 * KIB],
};

/** `few`: one size of chunks each. */
function senders(names: readonly string[], few: boolean): Sender[] {
  const ways = ([...WAYS, "listener"] as const).filter((way) => names.length === 0 || names.includes(way));
  const own = ways.flatMap((way) =>
    CHUNKS[way].slice(0, few ? 1 : undefined).map((chunk) => ({
      name: `${way}, ${chunk / KIB} KiB`,
      command: (port: number) => [
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        SERVER,
        way,
        String(chunk),
        folder,
        String(port),
      ],
    })),
  );
  const limit = nginx({ name: "nginx, sendfile", root: folder });
  if ("unavailable" in limit) process.stderr.write(`${limit.unavailable}\n`);
  return [...("unavailable" in limit ? [] : [limit]), ...own];
}

export async function measureSending(
  effort: Effort,
  names: readonly string[] = [],
  sizes = { big: BIG_BYTES, small: SMALL_BYTES },
): Promise<Measured[]> {
  const big = noise(sizes.big);
  const small = noise(sizes.small);
  writeFileSync(join(folder, "big"), big);
  writeFileSync(join(folder, "small"), small);
  const lab = openLab();
  try {
    const measured = await interleave(senders(names, effort.scale < 1), effort.rounds, (sender) =>
      measureSender(sender, { big, small }, effort, lab),
    );
    return Array.from(measured, ([{ name }, rounds]) => ({
      name,
      bigMsPerMb: rounds.map(({ bigMsPerMb }) => bigMsPerMb),
      bigMbPerS: rounds.map(({ bigMbPerS }) => bigMbPerS),
      smallUs: rounds.map(({ smallUs }) => smallUs),
      manyOwnMib: median(rounds.map(({ manyOwnMib }) => manyOwnMib)),
      manyFileMib: median(rounds.map(({ manyFileMib }) => manyFileMib)),
    }));
  } finally {
    lab.close();
  }
}

async function measureSender({ name, command }: Sender, files: { big: Buffer; small: Buffer }, effort: Effort, lab: Lab) {
  const subject = (path: string, answer: Buffer): Subject => ({ name, command, path, answer });
  const big = await lab.measure(subject("/big", files.big), effort, BIG_USERS);
  const small = await lab.measure(subject("/small", files.small), effort, SMALL_USERS);
  const many = await lab.measure(subject("/big", files.big), { ...effort, warmUpSeconds: 0 }, scaled(MANY_USERS, effort));
  const megabytes = files.big.length / MEGABYTE;
  return {
    bigMsPerMb: big.cpuUsPerRequest / 1_000 / megabytes,
    bigMbPerS: big.requestsPerSecond * megabytes,
    smallUs: small.cpuUsPerRequest,
    manyOwnMib: many.ownPssBytes / MIB,
    manyFileMib: many.filePssBytes / MIB,
  };
}

/** Bytes that nothing on the way could make smaller; the same every time. */
function noise(size: number): Buffer {
  const random = createRandom(1);
  const words = Uint32Array.from({ length: Math.ceil(size / 4) }, () => random() * 2 ** 32);
  return Buffer.from(words.buffer).subarray(0, size);
}

function table(measured: readonly Measured[]): string {
  const limit = measured[0]!;
  const share = (values: readonly number[], base: readonly number[]): string => (median(values) / median(base)).toFixed(2);
  const lines = measured.map(
    ({ name, bigMsPerMb, bigMbPerS, smallUs, manyOwnMib, manyFileMib }) =>
      `| ${name} | ${spread(bigMsPerMb, 3)} | ${share(bigMsPerMb, limit.bigMsPerMb)} | ${Math.round(median(bigMbPerS))} | ${spread(smallUs, 1)} | ${share(smallUs, limit.smallUs)} | ${manyOwnMib.toFixed(0)} + ${manyFileMib.toFixed(0)} |\n`,
  );
  const head =
    "| way | 10 MB, c=4: CPU ms/MB | of the first | MB/s | 64 KiB, c=10: CPU us | of the first | 1,000 clients of 10 MB: own + files, MiB PSS |\n";
  return `${head}|---|---|---|---|---|---|---|\n${lines.join("")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
  const quick = process.argv.includes("--quick");
  const effort = { rounds: quick ? 1 : 5, seconds: 1, warmUpSeconds: 1, scale: 1 };
  const measured = await measureSending(effort, names);
  process.stdout.write(`${machineLine()}\n\n${table(measured)}`);
}
