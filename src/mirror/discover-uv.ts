/**
 * uv's index: from its settings files, where uv looks for them (the user's,
 * then the system's; those of a project are the project's affair), and the
 * spelling `name=URL` of its variables, whose credentials stand in variables
 * of their own.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { readRegularFile } from "../base/regular-file.ts";
import { MIB } from "../base/units.ts";
import { extraNotice } from "../config/mirror/extra-indexes.ts";
import { isPlainObject } from "../config/readers.ts";
import type { Env } from "../config/variables.ts";
import type { FoundAddress } from "./found-address.ts";

export async function readUv(env: Env): Promise<FoundAddress | null> {
  for (const file of settingsFiles(env)) {
    if (!existsSync(file)) continue;
    const found = await indexIn(file, env);
    if (found === null) continue;
    const from = `uv's settings, ${file}`;
    return { text: found.text, from, notices: found.hasExtra ? [extraNotice(from)] : [] };
  }
  return null;
}

/** "name=URL" to the URL, with the credentials that the environment has for that name. */
export function uvIndex(text: string, env: Env): string {
  const match = /^([\w.-]+)=(?=[a-z][a-z0-9+.-]*:)([\s\S]*)$/i.exec(text.trim());
  return match === null ? text : withCredentials(match[2]!, match[1]!, env);
}

/** In the order of their precedence. Of the system's, uv reads the first that exists. */
function settingsFiles(env: Env): readonly string[] {
  if (/^(?:1|true|yes|on|y|t)$/i.test(env["UV_NO_CONFIG"] ?? "")) return [];
  if (env["UV_CONFIG_FILE"]) return [env["UV_CONFIG_FILE"]];
  const user = env["XDG_CONFIG_HOME"] || join(env["HOME"] || homedir(), ".config");
  const system = [...(env["XDG_CONFIG_DIRS"] || "/etc/xdg").split(":").filter(Boolean), "/etc"].map((folder) =>
    join(folder, "uv", "uv.toml"),
  );
  return [join(user, "uv", "uv.toml"), ...system.filter((file) => existsSync(file)).slice(0, 1)];
}

/** A file that can't be read, or is none of TOML, says nothing: uv itself will tell. */
async function indexIn(file: string, env: Env): Promise<{ readonly text: string; readonly hasExtra: boolean } | null> {
  const read = readRegularFile(file, MIB);
  if (!read.ok) return null;
  const { parse } = await import("smol-toml");
  let settings: Readonly<Record<string, unknown>>;
  try {
    settings = parse(read.value.toString("utf8"));
  } catch {
    return null;
  }
  const indexes = Array.isArray(settings["index"]) ? settings["index"].filter(isPlainObject) : [];
  const main = indexes.find((index) => index["default"] === true);
  const pip = isPlainObject(settings["pip"]) ? settings["pip"] : {};
  const extras = [settings["extra-index-url"], pip["extra-index-url"]];
  const hasExtra = indexes.some((index) => index !== main) || extras.some((list) => Array.isArray(list) && list.length > 0);
  if (typeof main?.["url"] === "string") {
    const text = typeof main["name"] === "string" ? withCredentials(main["url"], main["name"], env) : main["url"];
    return { text, hasExtra };
  }
  const text = [settings["index-url"], pip["index-url"]].find((value) => typeof value === "string");
  return text === undefined ? null : { text, hasExtra };
}

/** UV_INDEX_<NAME>_USERNAME and _PASSWORD, the name in upper case with "_" for all that is no letter or digit. */
function withCredentials(text: string, name: string, env: Env): string {
  const prefix = `UV_INDEX_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;
  const username = env[`${prefix}_USERNAME`];
  const password = env[`${prefix}_PASSWORD`];
  const url = URL.parse(text);
  if (url === null || (!username && !password)) return text;
  if (username) url.username = encodeURIComponent(username);
  if (password) url.password = encodeURIComponent(password);
  return url.href;
}
