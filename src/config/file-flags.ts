/** Flags that choose what is read rather than set something: the same for every command that reads a pilotlight.yaml. */
import type { Flag } from "./flags.ts";

export const CONFIG_VARIABLE = "PILOTLIGHT_CONFIG";

export const CONFIG_FLAG: Flag = { name: "config", value: "FILE", group: "Files", help: "a pilotlight.yaml elsewhere" };

export const ENV_FILE_FLAG: Flag = {
  name: "env-file",
  value: "FILE",
  group: "Files",
  help: "NAME=value lines for what the environment lacks; dev reads the project's .env unasked",
};
