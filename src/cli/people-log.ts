/**
 * People's log: the log style of dev and of the commands that run functions,
 * with files named as seen from where the developer stands.
 */
import type { Config } from "../config/config.ts";
import { bundleSourceOf } from "../serve/bundle-source.ts";
import type { LineStyle } from "../telemetry/log-hub.ts";
import { createLineStyle, wantsColour } from "../telemetry/log-style.ts";
import type { Io } from "./command.ts";

export function peopleLog({ source }: Config, stream: NodeJS.WriteStream, { env, cwd }: Pick<Io, "env" | "cwd">): LineStyle {
  const isColoured = wantsColour(stream, env);
  // Stacks of a build name files that may lie anywhere.
  if (source.kind === "built") return createLineStyle(isColoured);
  const { sourceRoot } = bundleSourceOf(source, { id: "", file: "" });
  return createLineStyle(isColoured, { cwd, sourceRoot });
}
