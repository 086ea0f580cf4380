/**
 * Flags: a table per command, from which both parsing and --help come.
 * Parsing collects every problem instead of stopping at the first, and knows
 * what the reader probably meant. Values stay text; readers.ts reads them.
 */
import { parseArgs } from "node:util";
import type { Failure } from "../base/result.ts";
import { nearest } from "../base/suggest.ts";

export interface Flag {
  /** Long name without dashes. An underscore typed for a dash is accepted. */
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value ("PORT"); a flag without one is a switch. */
  readonly value?: string;
  readonly group: string;
  readonly help: string;
  /** The default as help shows it. */
  readonly shown?: string;
  readonly repeatable?: boolean;
  /** Key of the setting it sets (settings.ts). */
  readonly setting?: string;
}

export interface ParsedFlags {
  /** Given values by long name, in order; a switch is ["true"]. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  readonly failures: readonly Failure[];
}

/** Values that are paths: an empty one would be the folder that a script happens to be in. */
const PLACES = ["DIR", "FILE", "PATH", "HOST::GUEST"];

export const HELP_FLAG: Flag = { name: "help", group: "Output", help: "this text" };
export const JSON_FLAG: Flag = { name: "json", group: "Output", help: "for programs instead of people" };

/** `maxPositionals` bounds what may stand beside the flags; a surplus is a failure. */
export function parseFlags(flags: readonly Flag[], args: readonly string[], maxPositionals: number): ParsedFlags {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const options = Object.fromEntries(
    flags.map((flag) => [
      flag.name,
      { type: flag.value ? ("string" as const) : ("boolean" as const), ...(flag.short ? { short: flag.short } : {}) },
    ]),
  );
  const { tokens } = parseArgs({ args: args.map(normalise), options, strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const extras: string[] = [];
  const failures: Failure[] = [];
  let hasUnknown = false;
  for (const token of tokens) {
    if (token.kind === "positional") {
      // Behind an unknown flag it may be that flag's value: of both, the flag is what is wrong.
      if (positionals.length >= maxPositionals && !hasUnknown) extras.push(token.value);
      positionals.push(token.value);
    }
    if (token.kind !== "option") continue;
    const flag = byName.get(token.name);
    hasUnknown ||= flag === undefined;
    const failure = flag === undefined ? unknownFlag(token.rawName, flags) : checkToken(flag, token, values);
    if (failure !== null) failures.push(failure);
    else if (flag !== undefined) values.set(flag.name, [...(values.get(flag.name) ?? []), token.value ?? "true"]);
  }
  for (const extra of extras) {
    failures.push({ code: "CONFIG_EXTRA_ARGUMENT", message: `Unexpected argument "${extra}"`, hint: "See --help for what it takes" });
  }
  return { values, positionals, failures };
}

type OptionToken = { readonly rawName: string; readonly value?: string | undefined; readonly inlineValue?: boolean | undefined };

function checkToken(flag: Flag, token: OptionToken, seen: ReadonlyMap<string, unknown>): Failure | null {
  const example = `--${flag.name} ${flag.value}`;
  if (flag.value === undefined) {
    if (token.value === undefined) return null;
    return {
      code: "CONFIG_BAD_VALUE",
      message: `${token.rawName} takes no value, but got "${token.value}"`,
      hint: `Write --${flag.name} alone`,
    };
  }
  const swallowed = token.inlineValue === false && token.value !== undefined && /^--?[a-z]/i.test(token.value);
  if (token.value === undefined || swallowed) {
    return {
      code: "CONFIG_VALUE_MISSING",
      message: `${token.rawName} needs a value`,
      hint: `Write ${example}, or --${flag.name}=VALUE when it begins with a dash`,
    };
  }
  if (token.value === "" && PLACES.includes(flag.value)) {
    return {
      code: "CONFIG_VALUE_MISSING",
      message: `${token.rawName} is empty`,
      hint: `Write ${example}. Is a variable not set that stands there?`,
    };
  }
  if (seen.has(flag.name) && !flag.repeatable) {
    return { code: "CONFIG_BAD_VALUE", message: `${token.rawName} is given twice`, hint: "Keep one of them" };
  }
  return null;
}

function unknownFlag(rawName: string, flags: readonly Flag[]): Failure {
  // The dashes are no letters: counting them would call --cors a near miss of --corner.
  const meant = rawName.startsWith("--")
    ? nearest(
        rawName.slice(2),
        flags.map((flag) => flag.name),
      )
    : null;
  const hint = meant === null ? "See --help for the flags" : `Did you mean --${meant}?`;
  return { code: "CONFIG_UNKNOWN_FLAG", message: `Unknown flag ${rawName}`, hint };
}

/** --pool_wait_timeout_ms=5 is --pool-wait-timeout-ms=5: the names are also YAML keys, where they have underscores. */
function normalise(arg: string): string {
  const match = /^(--[a-z][a-z_-]*)(=[\s\S]*)?$/.exec(arg);
  return match === null ? arg : match[1]!.replaceAll("_", "-") + (match[2] ?? "");
}

/** The flags as help shows them: grouped in order of first appearance, aligned, defaults last. */
export function describeFlags(flags: readonly Flag[]): string {
  const groups = Map.groupBy(flags, (flag) => flag.group);
  const left = (flag: Flag) => `  ${flag.short ? `-${flag.short}, ` : "    "}--${flag.name}${flag.value ? ` ${flag.value}` : ""}`;
  const width = Math.max(...flags.map((flag) => left(flag).length)) + 2;
  const describe = (flag: Flag) => left(flag).padEnd(width) + flag.help + (flag.shown ? ` (default ${flag.shown})` : "");
  const units = Object.entries(UNITS).flatMap(([value, forms]) =>
    flags.some((flag) => flag.value === value) ? `${value} is ${forms}.` : [],
  );
  const sections = [...groups].map(([group, members]) => [`${group}:`, ...members.map(describe)].join("\n"));
  return [...sections, ...(units.length > 0 ? [units.join(" ")] : [])].join("\n\n");
}

/** How values are written, by the placeholder that stands for them. */
const UNITS: Readonly<Record<string, string>> = {
  SIZE: "bytes, or a number with k, m or g: 64k, 128m, 1g",
  TIME: "milliseconds, or a number with ms, s, m, h or d: 250ms, 30s, 5m",
};
