/**
 * Functions that take long to begin, and the ways to start their instances: in
 * Python, the standard library's modules and the classes that an application with some
 * models makes of its declarations; in Node, an index over a text. Each way is a
 * launcher of the engine, prepared until its next instance comes to be in that way.
 */
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../../src/base/result.ts";
import { MIB } from "../../src/base/units.ts";
import { PROCESS_DEFAULTS, type SnapshotKind } from "../../src/config/process-settings.ts";
import type { Call } from "../../src/engines/engine.ts";
import { FunctionLinks } from "../../src/engines/process/function-links.ts";
import type { Launcher, LaunchOrder, Origin } from "../../src/engines/process/launch/launched.ts";
import { machineFacts } from "../../src/engines/process/launch/machine-probe.ts";
import { launcherFor } from "../../src/engines/process/snapshots/launcher-for.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { NO_BODY } from "../../src/http/request-body.ts";
import { ROOT, workFile, workFolder } from "./subjects.ts";

export interface StartSubject {
  readonly name: string;
  /** Orders an instance, calls it once, and ends it. */
  measure(): Promise<StartCosts>;
  close(): void;
}

export interface StartCosts {
  /** Until the process exists: spawned, forked, or restored as far as READY. */
  readonly spawnMs: number;
  /** From the order to READY. */
  readonly readyMs: number;
  /** From the order to its first answer. */
  readonly answerMs: number;
}

export type StartLanguage = "Python" | "Node";

const PYTHON_FUNCTION = `
import argparse, asyncio, base64, bz2, concurrent.futures, configparser, csv, ctypes, dataclasses, datetime, decimal, difflib
import email.mime.multipart, enum, fractions, ftplib, gzip, hashlib, hmac, html.parser, http.client, http.cookiejar, http.server
import imaplib, importlib.metadata, inspect, ipaddress, json, logging.config, logging.handlers, lzma, mailbox, multiprocessing.pool
import pickle, platform, plistlib, pprint, pydoc, queue, random, secrets, shelve, shutil, smtplib, socketserver, sqlite3, ssl
import statistics, string, subprocess, tarfile, tempfile, textwrap, typing, unittest.mock, urllib.request, uuid
import wsgiref.simple_server, xml.dom.minidom, xml.etree.ElementTree, xmlrpc.client, zipfile
import pilotlight

kinds = [int, str, float, bytes, dict, list, datetime.datetime, decimal.Decimal]
fields = [(f"field{number}", kinds[number % 8], dataclasses.field(default=None)) for number in range(16)]
records = [dataclasses.make_dataclass(f"Record{number}", fields, order=True, frozen=True) for number in range(COUNT)]
pilotlight.serve(lambda request: {"records": len(records)})
`;

const NODE_FUNCTION = `#!/usr/bin/env node
import { serve } from ${JSON.stringify(join(ROOT, "guest/process/pilotlight.mjs"))};
const index = new Map();
for (let line = 0; line < COUNT * 1000; line++) {
  const text = \`\${line} order \${(line * 7919) % 10007} of \${(line * 104729) % 1009} parts\`;
  for (const word of text.toUpperCase().split(/[^A-Z0-9]+/)) index.set(word, (index.get(word) ?? 0) + 1);
}
serve(() => ({ words: index.size }));
`;

const MODELS = 60;
const MEMORY_MAX_BYTES = 512 * MIB;
const ORDER: Omit<LaunchOrder, "instance"> = { withRing: true, moreEnv: {}, ownsStdio: false };
const ORIGINS: Readonly<Record<SnapshotKind, Origin>> = { none: "started", fork: "forked", criu: "restored", node: "deserialized" };
/** The image is made in the background, the fork server does its imports. */
const PREPARE_TRIES = 100;
const PREPARE_PAUSE_MS = 200;

/** `scale` of what it does before it is ready. `unavailable` says why its instances don't come to be in that way here. */
export async function startSubject(
  language: StartLanguage,
  snapshot: SnapshotKind,
  scale: number,
): Promise<StartSubject | { readonly unavailable: string }> {
  const name = `start-${language}-${snapshot}`.toLowerCase();
  const file = functionFile(language, name, scale);
  const settings = { ...PROCESS_DEFAULTS, call: "ring", snapshot } as const;
  const source = { functionId: name, contract: null, outputMaxBytes: MIB };
  const subject = { functionId: name, file, settings, memoryMaxBytes: MEMORY_MAX_BYTES, env: {}, dataDir: workFolder(`${name}/data`) };
  const launcher = await launcherFor(subject, await machineFacts(process.pid), { line() {}, note() {} });
  const links = new FunctionLinks(source);
  let instance = 0;
  const measure = () => measured(launcher, links, ++instance);
  const lack = await prepared(measure, ORIGINS[snapshot]);
  if (lack !== null) launcher.close();
  return lack === null ? { name: `${language}, ${ORIGINS[snapshot]}`, measure, close: () => launcher.close() } : { unavailable: lack };
}

interface Measured extends StartCosts {
  readonly origin: Origin;
  readonly insteadBecause: string | null;
}

/** Null when instances come to be in that way. */
async function prepared(measure: () => Promise<Measured>, wanted: Origin): Promise<string | null> {
  let lack = "";
  for (let tries = 0; tries < PREPARE_TRIES; tries++) {
    const { origin, insteadBecause } = await measure();
    if (origin === wanted) return null;
    lack = insteadBecause ?? `its instances are ${origin}`;
    if (!/being made|is made when/.test(lack)) break;
    await new Promise((resolve) => setTimeout(resolve, PREPARE_PAUSE_MS));
  }
  return lack;
}

async function measured(launcher: Launcher, links: FunctionLinks, instance: number): Promise<Measured> {
  const orderedMs = performance.now();
  const launched = must(await launcher.launch({ ...ORDER, instance }));
  const hello = must(await launched.ready);
  const readyMs = performance.now() - orderedMs;
  const link = must(links.open(launched, hello));
  const status = await new Promise((resolve, reject) => {
    link.begin(callOf(resolve), (end) => end.kind !== "answered" && reject(new Error(`the first call ended as ${end.kind}`)));
  });
  const answerMs = performance.now() - orderedMs;
  if (status !== 200) throw new Error(`the first answer has status ${status}`);
  link.close("it was measured");
  launched.kill();
  await launched.ended;
  return { spawnMs: launched.spawnMs, readyMs, answerMs, origin: launched.origin, insteadBecause: launched.insteadBecause };
}

/** The least that a link needs of a call. */
function callOf(answered: (status: number) => void): Call {
  const exchange = {
    method: "GET",
    target: "/",
    headerBlock: "host: localhost\r\n",
    host: "localhost",
    body: NO_BODY,
    aborted: false,
    answered: false,
    onAbort: null,
    onDrain: null,
    respond: (status: number) => answered(status),
  };
  return { exchange: exchange as unknown as Exchange, params: null, requestId: "bench", fail() {}, log() {}, traceparent: () => "" };
}

/** A version manager's `python3` takes longer to begin than some of what is measured: the interpreter itself stands in the first line. */
function functionFile(language: StartLanguage, name: string, scale: number): string {
  const count = String(Math.max(1, Math.round(MODELS * scale)));
  const python = () => spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).stdout.trim();
  const text = language === "Python" ? `#!${python()}${PYTHON_FUNCTION}` : NODE_FUNCTION;
  const file = workFile(`${name}/function${language === "Python" ? ".py" : ".mjs"}`, text.replace("COUNT", count));
  chmodSync(file, 0o755);
  return file;
}

function must<Value>(result: Result<Value, { readonly message: string }>): Value {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
