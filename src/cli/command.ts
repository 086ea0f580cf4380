/**
 * Command: what every subcommand has in common. One table of flags gives both
 * parsing and help; problems with the words typed are printed one a line and
 * end with status 2, so that scripts can tell misuse from failure.
 */
import type { Failure } from "../base/result.ts";
import { describeFlags, type Flag, JSON_FLAG, type ParsedFlags, parseFlags } from "../config/flags.ts";
import type { Prefork } from "./prefork.ts";

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** `--json` was given: failures are JSON on standard output. */
  readonly json?: boolean;
  /** A worker that boots already, for the commands that serve. */
  readonly prefork?: Prefork | null;
}

export interface Command {
  readonly name: string;
  /** What stands after the name: "[PATH] [flags]". */
  readonly usage: string;
  /** One paragraph for --help. */
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly positionalMaxCount: number;
  /** Command lines and what they are for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Commands of their own behind this one's name: `bench ab`. Their names hold both words. */
  readonly subcommands?: Readonly<Record<string, () => Promise<Command>>>;
  run(call: Call): Promise<number>;
}

export interface Call {
  readonly flags: ParsedFlags;
  readonly io: Io;
  /** The last value of a flag. */
  flag(name: string): string | undefined;
}

/** Exit statuses, the same for every command. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_MISUSE = 2;

export async function runCommand(command: Command, args: readonly string[], io: Io): Promise<number> {
  const { subcommands = {} } = command;
  const [first] = args;
  if (first !== undefined && Object.hasOwn(subcommands, first)) return runCommand(await subcommands[first]!(), args.slice(1), io);
  const flags = parseFlags(command.flags, args, command.positionalMaxCount);
  // Not a command's own --json FILE: it says where a result goes, and people still read what went wrong.
  io = { ...io, json: flags.values.has("json") && command.flags.includes(JSON_FLAG) };
  if (flags.values.has("help")) {
    io.stdout.write(await helpText(command));
    return EXIT_OK;
  }
  if (flags.failures.length > 0) {
    printFailures(command.name, flags.failures, io);
    return EXIT_MISUSE;
  }
  return command.run({ flags, io, flag: (name) => flags.values.get(name)?.at(-1) });
}

/** One line each: where, what happened, what to do. As JSON they are for a program: people's lines are left out. */
export function printFailures(commandName: string, failures: readonly Failure[], io: Pick<Io, "stderr" | "stdout" | "json">): void {
  if (io.json === true) {
    io.stdout.write(`${JSON.stringify({ errors: failures })}\n`);
    return;
  }
  for (const failure of failures) io.stderr.write(`pilotlight ${commandName}: ${describeFailure(failure)}\n`);
}

export function describeFailure({ message, hint, at }: Failure): string {
  const place = at === undefined ? "" : `${[at.file, at.line, at.column].filter((part) => part !== undefined).join(":")}: `;
  // Messages made elsewhere may name the place already.
  const lead = message.startsWith(place.slice(0, -2)) ? "" : place;
  // Below an excerpt of source the hint has a line of its own.
  const gap = message.includes("\n") ? "\n  " : `${/[.?!]$/.test(message) ? "" : "."} `;
  const end = hint === undefined ? "" : `${gap}${hint}`;
  return `${lead}${message}${end}`;
}

async function helpText(command: Command): Promise<string> {
  const subcommands = await Promise.all(
    Object.entries(command.subcommands ?? {}).map(async ([name, load]) => [name, firstSentence((await load()).about)] as const),
  );
  return `${[
    `Usage: pilotlight ${command.name} ${command.usage}`,
    command.about,
    ...(subcommands.length === 0 ? [] : [["Subcommands, each with a --help of its own:", ...columns(subcommands)].join("\n")]),
    describeFlags(command.flags),
    ["Examples:", ...columns(command.examples)].join("\n"),
  ].join("\n\n")}\n`;
}

function columns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
}

function firstSentence(text: string): string {
  const plain = text.replaceAll("\n", " ").replace(/ \([^)]*\)/g, "");
  return plain.split(/[.:;](?: |$)/)[0]!;
}
