/**
 * Kernel files: /proc and /sys, where what is asked about may end at any moment
 * or be unknown to this kernel. Either reads as nothing.
 */
import { readdirSync, readFileSync } from "node:fs";

/** "" when it isn't there. */
export function readKernelFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Empty when it isn't there. */
export function kernelEntries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
