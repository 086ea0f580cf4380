/** An isolation mode as pilotlight.yaml writes it (readers.ts reads it back): the one form of it that people and programs get. */
import { formatDuration } from "../base/units.ts";
import type { Isolation } from "./config.ts";

export function isolationText(isolation: Isolation): string {
  if (isolation.kind === "bounded") return `bounded(${isolation.calls})`;
  return isolation.kind === "ttl" ? `ttl(${formatDuration(isolation.ms)})` : isolation.kind;
}
