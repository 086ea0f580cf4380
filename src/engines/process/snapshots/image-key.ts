/**
 * Image key: the name of an image, made of everything that decides what is in
 * it and whether it can be used here: the function's code, its environment and
 * settings, the kernel, the processor, and the program that made it. What changes one
 * of them makes another image. Pure. Files that the code imports are not known before
 * it has run; they are in the manifest.
 */
import { createHash } from "node:crypto";
import type { ProcessSettings } from "../../../config/process-settings.ts";

export interface ImageKeyParts {
  readonly kind: "criu" | "node";
  /** "criu 4.2.1", or that of Node with its flags. */
  readonly maker: string;
  readonly functionId: string;
  readonly fileSha256: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly homeDir: string;
  readonly settings: ProcessSettings;
  readonly memoryMaxBytes: number;
  /** Of the machine: kernel, architecture, processor. */
  readonly machine: readonly string[];
}

const KEY_CHARS = 32;
/** In its environment, and other in each instance. */
const OF_INSTANCES = new Set([
  "PILOTLIGHT_SOCKET",
  "AETHER_SOCKET",
  "PILOTLIGHT_INSTANCE",
  "PILOTLIGHT_RING",
  "PILOTLIGHT_SNAPSHOT",
  "PORT",
  "AETHER_TRIGGER_PORT",
]);

export function imageKey({ env, settings, ...parts }: ImageKeyParts): string {
  const { call, openFileMax, processMax, namespaces } = settings;
  const named = Object.entries(env)
    .filter(([name]) => !OF_INSTANCES.has(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const whole = JSON.stringify({ ...parts, env: named, settings: { call, openFileMax, processMax, namespaces } });
  return createHash("sha256").update(whole).digest("hex").slice(0, KEY_CHARS);
}
