/**
 * Launching: functions as small programs in a folder of their own, started by the
 * real launchers with the facts of this machine, or with facts that a test makes
 * worse. Whatever still runs is killed when the test is over.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Result } from "../../src/base/result.ts";
import { MIB } from "../../src/base/units.ts";
import { PROCESS_DEFAULTS, type ProcessSettings } from "../../src/config/process-settings.ts";
import type { LaunchedProcess, Launcher, LaunchFailure, LaunchOrder } from "../../src/engines/process/launch/launched.ts";
import type { MachineFacts } from "../../src/engines/process/launch/machine-facts.ts";
import { machineFacts } from "../../src/engines/process/launch/machine-probe.ts";
import type { OutputName } from "../../src/engines/process/launch/output-reader.ts";
import { type LaunchSubject, PlainLauncher } from "../../src/engines/process/launch/plain-launcher.ts";

export const facts: MachineFacts = await machineFacts(process.pid);

/** The same machine without what holds processes together. */
export const bareFacts: MachineFacts = {
  ...facts,
  namespaces: { pid: "this test does without", user: "this test does without", network: "this test does without" },
  cgroupHome: null,
};

export const folder = mkdtempSync(join(tmpdir(), "pl-launch-"));
const running = new Set<LaunchedProcess>();
const launchers = new Set<Launcher>();

after(async () => {
  for (const launched of running) launched.kill();
  await Promise.all([...running].map(({ ended }) => ended));
  for (const launcher of launchers) launcher.close();
  rmSync(folder, { recursive: true, force: true });
});

let fileCount = 0;

/** Itself, and no script of a version manager in front of it, which takes longer than the test. */
export const PYTHON = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();

/** A program that says what it is in its first line. */
export function program(text: string, mode = 0o755): string {
  const file = join(folder, `function-${fileCount++}`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

export const sh = (script: string) => program(`#!/bin/sh\n${script}\n`);
export const python = (script: string) => program(`#!${PYTHON}\n${script}\n`);
export const node = (script: string) => program(`#!${process.execPath}\n${script}\n`);

/** Says what it is told to on its socket, and stays. */
export function saying(words: string, then = "time.sleep(600)"): string {
  return python(`import os, socket, sys, time
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["PILOTLIGHT_SOCKET"])
connection.sendall(${JSON.stringify(words)}.encode("latin-1"))
${then}`);
}

export interface Told {
  readonly lines: { readonly output: OutputName; readonly text: string }[];
  readonly notes: string[];
}

export interface LaunchingOptions {
  readonly settings?: Partial<ProcessSettings>;
  readonly facts?: MachineFacts;
  readonly subject?: Partial<LaunchSubject>;
}

export function subjectOf(file: string, { settings, subject }: LaunchingOptions = {}): LaunchSubject {
  return {
    functionId: "api/tested",
    file,
    settings: { ...PROCESS_DEFAULTS, readyTimeoutMs: 20_000, ...settings },
    memoryMaxBytes: 256 * MIB,
    env: {},
    dataDir: join(folder, "data"),
    ...subject,
  };
}

export function launcherOf(file: string, options: LaunchingOptions = {}): { launcher: PlainLauncher; told: Told } {
  const told: Told = { lines: [], notes: [] };
  const launcher = new PlainLauncher(subjectOf(file, options), options.facts ?? facts, logInto(told));
  launchers.add(launcher);
  return { launcher, told };
}

export function logInto({ lines, notes }: Told) {
  return { line: (output: OutputName, text: string) => void lines.push({ output, text }), note: (text: string) => void notes.push(text) };
}

export const ORDER: LaunchOrder = { instance: 7, withRing: false, moreEnv: {}, ownsStdio: false };

export function tryLaunch(
  file: string,
  options: LaunchingOptions = {},
  order: Partial<LaunchOrder> = {},
): Promise<Result<LaunchedProcess, LaunchFailure>> & { told: Told } {
  const { launcher, told } = launcherOf(file, options);
  const result = launcher.launch({ ...ORDER, ...order }).then((launched) => {
    if (launched.ok) keep(launched.value);
    return launched;
  });
  return Object.assign(result, { told });
}

/** Killed when the test is over, if it should still run. */
export function keep(launched: LaunchedProcess): void {
  running.add(launched);
  void launched.ended.then(() => running.delete(launched));
}

export function closeAtEnd(launcher: Launcher): void {
  launchers.add(launcher);
}

export async function launch(
  file: string,
  options: LaunchingOptions = {},
  order: Partial<LaunchOrder> = {},
): Promise<{ launched: LaunchedProcess; told: Told }> {
  const trying = tryLaunch(file, options, order);
  const result = await trying;
  if (!result.ok) throw new Error(result.failure.message);
  return { launched: result.value, told: trying.told };
}

/** Until it writes that line, or for ever. */
export async function written(told: Told, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    for (const { text } of told.lines) {
      const match = pattern.exec(text);
      if (match !== null) return match;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
