/** Reserved names: a module's own exports may not begin like those of its state. */
import { EXPORTED } from "../../../../guest/wasi/exported-names.ts";

export function isReserved(name: string): boolean {
  return name.startsWith(EXPORTED.global) || name.startsWith(EXPORTED.table) || name.startsWith(EXPORTED.memory);
}
