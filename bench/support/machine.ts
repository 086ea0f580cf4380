/** The machine a run was made on, in one line: a figure without it is worth nothing. */
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${model}, ${availableParallelism()} cores, ${gib} GiB, ${type()} ${release()}, Node ${process.versions.node}, V8 ${process.versions.v8}`;
}
