/**
 * Lock file of unknown format: told by the name it came under, else by its
 * own lines. Whatever is neither uv.lock nor pylock.toml is taken for a
 * requirements.txt, which says itself what it can't read.
 */
import { fail, type Result } from "../../base/result.ts";
import { describeBytes } from "../../base/units.ts";
import { LOCK_FILE_MAX_BYTES, type LockFile, type LockFormat } from "./lock-file.ts";

/** `nameHint` is a file name or path, or a media type, or null. The fault is a phrase that follows the file's name. */
export async function parseLockFile(text: string, nameHint: string | null): Promise<Result<LockFile, string>> {
  if (Buffer.byteLength(text) > LOCK_FILE_MAX_BYTES) return fail(`it is larger than ${describeBytes(LOCK_FILE_MAX_BYTES)}`);
  switch (detectFormat(text, nameHint)) {
    case "uv.lock":
      return (await import("./parse-uv-lock.ts")).parseUvLock(text);
    case "pylock.toml":
      return (await import("./parse-pylock.ts")).parsePylock(text);
    case "requirements.txt":
      if (isProject(text, nameHint)) return fail("this looks like pyproject.toml; send uv.lock, pylock.toml or requirements");
      return (await import("./parse-requirements.ts")).parseRequirements(text);
  }
}

/** What a project asks for is not what is locked; and no requirement is a line in brackets. */
function isProject(text: string, nameHint: string | null): boolean {
  return (
    /(?:^|[\\/])pyproject\.toml$/i.test(nameHint ?? "") || /^\[(?:project|build-system|dependency-groups|tool\.[\w.-]{1,100})\]/m.test(text)
  );
}

/** A media type like text/plain or application/toml says nothing of which it is. */
export function detectFormat(text: string, nameHint: string | null): LockFormat {
  const name = (nameHint ?? "").toLowerCase().split(/[\\/]/).at(-1)!;
  if (name.endsWith("uv.lock")) return "uv.lock";
  if (/^pylock(?:\.[^.]{1,100})?\.toml$/.test(name)) return "pylock.toml";
  if (/\.(?:txt|in)$/.test(name)) return "requirements.txt";
  if (/^\[\[package\]\]/m.test(text)) return "uv.lock";
  if (/^\[\[packages\]\]|^lock-version\s{0,10}=/m.test(text)) return "pylock.toml";
  return "requirements.txt";
}
