/**
 * Tidiness: no tracked file holds a path of somebody's machine or the address
 * of a package registry. Both work for their author and for nobody else.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Rule {
  readonly pattern: RegExp;
  readonly says: string;
}

// Written so that this file does not match itself.
const RULES: readonly Rule[] = [
  { pattern: /(?<![\w.:/-])\/(?:home|Users)\/(?!(?:me|user|you)\b)[a-z][\w.-]*\//, says: "a home directory" },
  { pattern: /(?<![\w.:/-])\/(?:work|root)\/[a-z.][\w.-]*/, says: "a path of one machine" },
  { pattern: /\b(?:registry\.)(?:npmjs|yarnpkg|npmmirror)\.[a-z]+/, says: "a registry host" },
  { pattern: /"resolved":\s*"https?:/, says: "a download address (npm adds none with this .npmrc)" },
];

const BINARY = /\.(?:png|jpe?g|gif|ico|wasm|gz|br|zip|tgz|pem)$/;

export function checkTidy(root: string): string[] {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
  return files.filter((file) => file !== "" && !BINARY.test(file)).flatMap((file) => checkText(file, readIfThere(join(root, file))));
}

export function checkText(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const rule = RULES.find(({ pattern }) => pattern.test(line));
    return rule === undefined ? [] : [`${file}:${index + 1}: ${rule.says}: ${line.trim().slice(0, 120)}`];
  });
}

/** A tracked file that was deleted but not yet committed has nothing to check. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
