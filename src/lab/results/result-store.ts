/**
 * Stored results: DATA/<suite>_<timestamp>/ with result.json and the raw
 * samples. Nothing is ever overwritten: a folder is made or the next name is
 * tried, and a file is created or refused.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, ok, type Result } from "../../base/result.ts";
import { describeBytes, MIB } from "../../base/units.ts";
import { formatSamples, parseSamples, type SamplesByName } from "./samples-file.ts";
import { type BenchmarkReport, parseReport, type ReadReport } from "./schema.ts";

export const RESULT_FILE = "result.json";
export const SAMPLES_FILE = "samples.jsonl";

const FILE_MAX_BYTES = 256 * MIB;
const SUFFIX_MAX = 1_000;

/** The folder that was made. */
export function storeReport(dataFolder: string, report: BenchmarkReport, samples: SamplesByName): Result<string> {
  let folder: string | null = null;
  try {
    mkdirSync(dataFolder, { recursive: true });
    folder = makeFolder(dataFolder, folderName(report));
    // The result last: a folder without one is no run, one without samples would be a run that can't be judged.
    writeFileSync(join(folder, SAMPLES_FILE), formatSamples(samples), { flag: "wx" });
    writeFileSync(join(folder, RESULT_FILE), `${JSON.stringify(report, null, 2)}\n`, { flag: "wx" });
    return ok(folder);
  } catch (error) {
    // Half a result would be read as a whole one.
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    const message = `Cannot store the result in ${dataFolder}: ${(error as Error).message}`;
    return fail({ code: "RESULTS_UNWRITABLE", message, hint: "Give another folder with --output, or make room" });
  }
}

/** "ab_2026-11-21T09-14-03Z", as the published framework names its files. */
export function folderName({ benchmark_suite, timestamp }: Pick<BenchmarkReport, "benchmark_suite" | "timestamp">): string {
  const suite = benchmark_suite.replaceAll(/[^\w.-]+/g, "-").replace(/^\.+/, "") || "results";
  const utc = new Date(timestamp).toISOString().replace(/\.\d+Z$/, "Z");
  return `${suite}_${utc.replaceAll(":", "-")}`;
}

function makeFolder(parent: string, name: string): string {
  for (let suffix = 1; suffix <= SUFFIX_MAX; suffix++) {
    const folder = join(parent, suffix === 1 ? name : `${name}-${suffix}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error(`${name} and ${SUFFIX_MAX - 1} names after it are taken`);
}

export interface StoredReport extends ReadReport {
  /** What was named, or the folder found. */
  readonly path: string;
}

/** A result file, or the folder of a stored run. */
export function readStored(path: string): Result<StoredReport> {
  const isFolder = statOf(path)?.isDirectory() ?? false;
  const file = isFolder ? join(path, RESULT_FILE) : path;
  const text = readBounded(file);
  if (!text.ok) return text;
  const parsed = parseReport(text.value, file);
  if (!parsed.ok) return parsed;
  const { report, samples } = parsed.value;
  const beside = basename(file) === RESULT_FILE ? readSamples(join(dirname(file), SAMPLES_FILE)) : ok(null);
  return beside.ok ? ok({ path, report, samples: beside.value ?? samples }) : beside;
}

/** All runs under a data folder, oldest first; what can't be read is a failure each and hides nothing else. */
export function readHistory(dataFolder: string): Result<readonly Result<StoredReport>[]> {
  let names: string[];
  try {
    names = readdirSync(dataFolder);
  } catch (error) {
    const message = `Cannot read ${dataFolder}: ${(error as Error).message}`;
    return fail({ code: "RESULTS_UNREADABLE", message, hint: "Give the folder of stored results with --output" });
  }
  const isRun = (name: string): boolean => statOf(join(dataFolder, name, RESULT_FILE)) !== null;
  const paths = names.filter((name) => name.endsWith(".json") || isRun(name)).map((name) => join(dataFolder, name));
  const timeOf = (read: Result<StoredReport>): number => (read.ok ? Date.parse(read.value.report.timestamp) : 0);
  return ok(paths.map(readStored).toSorted((one, other) => timeOf(one) - timeOf(other)));
}

function readSamples(file: string): Result<SamplesByName | null> {
  if (statOf(file) === null) return ok(null);
  const text = readBounded(file);
  if (!text.ok) return text;
  const samples = parseSamples(text.value);
  if (samples !== null) return ok(samples);
  return fail({ code: "RESULTS_UNREADABLE", message: `Cannot read ${file}: it holds no samples`, hint: "Each line is {name, values}" });
}

/** Null where there is nothing that could be looked at: a link to itself, a path through a file. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function readBounded(file: string): Result<string> {
  try {
    const stat = statSync(file);
    // A pipe or a device would be waited for, or never end.
    if (!stat.isFile()) throw new Error("it is no file");
    const { size } = stat;
    if (size > FILE_MAX_BYTES) throw new Error(`${describeBytes(size)} are more than any result has`);
    return ok(readFileSync(file, "utf8"));
  } catch (error) {
    const message = `Cannot read ${file}: ${(error as Error).message}`;
    return fail({ code: "RESULTS_UNREADABLE", message, hint: "Name a result file, or the folder of a stored run" });
  }
}
