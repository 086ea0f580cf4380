/**
 * Function key: the image key of a function as it would be started here, with the
 * environment that its processes have and the machine that they run on.
 */
import { readFileSync } from "node:fs";
import { arch, release } from "node:os";
import { processClientsDir } from "../../../base/package-files.ts";
import { environmentOf } from "../launch/environment.ts";
import type { LaunchSubject } from "../launch/plain-launcher.ts";
import { makeHome } from "../launch/run-folder.ts";
import { type ImageKeyParts, imageKey } from "./image-key.ts";
import { sha256Of } from "./image-store.ts";

/** Rejects with the file system's error. */
export async function keyOfFunction(subject: LaunchSubject, maker: Pick<ImageKeyParts, "kind" | "maker">): Promise<string> {
  const { functionId, file, settings, memoryMaxBytes, dataDir, env: named } = subject;
  const homeDir = makeHome(dataDir, functionId);
  const env = environmentOf({
    functionId,
    named,
    more: {},
    server: process.env,
    homeDir,
    clientsDir: processClientsDir,
    instance: 0,
    socketPath: "",
    port: 0,
    ringPath: null,
    isForkServer: false,
  });
  const command = settings.command ?? [file];
  const machine = [release(), arch(), ...processor()];
  return imageKey({ ...maker, functionId, fileSha256: await sha256Of(file), command, env, homeDir, settings, memoryMaxBytes, machine });
}

/** A process that has seen what the processor can do goes on doing it elsewhere. */
function processor(): string[] {
  try {
    return (
      readFileSync("/proc/cpuinfo", "utf8")
        .match(/^(?:model name|flags|Features)\s*:.*$/gm)
        ?.slice(0, 2) ?? []
    );
  } catch {
    return [];
  }
}
