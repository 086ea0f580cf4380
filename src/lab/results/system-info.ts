/** The machine a result was measured on, in the fields of the results' schema. */
import { readFileSync } from "node:fs";
import { cpus, hostname, release, totalmem, type } from "node:os";
import type { SystemInfo } from "./schema.ts";

export function systemInfo(): SystemInfo {
  return {
    os: type(),
    os_version: distribution() ?? "unknown",
    kernel_version: release(),
    cpu_model: cpus()[0]?.model.trim() ?? "unknown",
    cpu_cores: cpus().length,
    memory_bytes: totalmem(),
    hostname: hostname(),
  };
}

function distribution(): string | null {
  try {
    return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}
