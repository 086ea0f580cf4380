/**
 * Credentials from netrc for indexes that have none: pip and uv look there,
 * so who installs without a mirror finds the same behind one. The entry for
 * every other host is not used: it is meant for anonymous FTP, and would send
 * somebody's password to whichever index is asked.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { readRegularFile } from "../../base/regular-file.ts";
import { MIB } from "../../base/units.ts";
import type { IndexConfig } from "../mirror-config.ts";
import type { Env } from "../variables.ts";
import { netrcEntryOf, parseNetrc } from "./netrc.ts";
import type { Notice } from "./variables.ts";

export interface WithCredentials {
  readonly indexes: readonly IndexConfig[];
  readonly notices: readonly Notice[];
}

export function withNetrc(indexes: readonly IndexConfig[], env: Env): WithCredentials {
  if (indexes.every(({ auth }) => auth !== null)) return { indexes, notices: [] };
  const file = env["NETRC"] || join(env["HOME"] || homedir(), ".netrc");
  const read = readRegularFile(file, MIB);
  if (!read.ok) return { indexes, notices: [] };
  const entries = parseNetrc(read.value.toString("utf8"));
  const notices: Notice[] = [];
  const filled = indexes.map((index): IndexConfig => {
    const entry = index.auth === null ? netrcEntryOf(entries, new URL(index.url).hostname) : null;
    if (entry === null) return index;
    notices.push({
      code: "MIRROR_NETRC_USED",
      message: `${index.name} is asked with the user name and password that ${file} has for its host`,
    });
    return { ...index, auth: { kind: "basic", username: entry.login, password: entry.password } };
  });
  return { indexes: filled, notices };
}
