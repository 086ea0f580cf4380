/**
 * Boot of an isolate that holds one WebAssembly function: connects the channel,
 * makes the guest process and its imports, and hands the host the few entries
 * it calls. Bundled to a script of its own (no web APIs: the guest has none);
 * `__pilotlight_boot` is its one name and removes itself.
 */

import {
  type BootSettings,
  type Channel,
  CONTROL,
  channelOn,
  ENDED,
  type Entries,
  type HostCall,
  MAY_WAIT,
  type RunEnded,
  STDERR_OFFSET,
  SYSTEM_OPERATION,
} from "./channel.ts";
import { Command } from "./command.ts";
import { FdTable } from "./fd-table.ts";
import { preopenedFolders } from "./files.ts";
import { gojinnImports } from "./gojinn.ts";
import type { GuestFunction } from "./guarded.ts";
import { GuestProcess } from "./guest-process.ts";
import { type AskHost, HeldTooMuch, HostRequests } from "./host-requests.ts";
import { wasiImports } from "./imports.ts";
import { pilotlightImports } from "./pilotlight.ts";
import { type CommandParts, Runs } from "./runs.ts";
import { BufferedInput, BufferedOutput, LiveInput, LiveOutput, WrittenSoFar } from "./streams.ts";
import { type Imports, type Module, webAssembly } from "./webassembly.ts";

function boot(
  shared: SharedArrayBuffer,
  call: HostCall,
  ask: AskHost,
  tellEnded: RunEnded,
  module: Module,
  settings: BootSettings,
): Entries {
  const channel = channelOn(shared, call);
  const { environIsRequest, isLive } = settings;
  const args = strings(settings.args);
  const environ = strings(settings.environ);
  const tellHeld = (): number => {
    const { heldPages } = runs;
    channel.control[CONTROL.heldPages] = heldPages;
    return heldPages;
  };
  const requests = new HostRequests((...request) => {
    if (tellHeld() > settings.heldMaxPages) throw new HeldTooMuch();
    ask(...request);
  });

  const writtenSoFar = new WrittenSoFar(channel);
  const make = (maySuspend: boolean): CommandParts => {
    const stdin = new BufferedInput();
    const stdout = new BufferedOutput(settings.stdoutMaxBytes, "end");
    const stderr = new BufferedOutput(settings.stderrMaxBytes, "drop", writtenSoFar);
    const guest = new GuestProcess({
      channel,
      descriptors: new FdTable(settings.streamFiletypes, () => preopenedFolders(channel)),
      stdin: isLive ? new LiveInput(channel) : stdin,
      stdout: isLive ? new LiveOutput(channel, 1) : stdout,
      stderr: isLive ? new LiveOutput(channel, 2) : stderr,
      environIsRequest,
      block: isLive ? (us) => void call(SYSTEM_OPERATION.sleep, us, 0, 0, 0, 0) : null,
      requests: maySuspend ? requests : null,
    });
    guest.args = args;
    guest.environ = environ;
    const command = new Command(module, importsOf(module, guest, maySuspend), guest, { stdout, stderr }, settings.mode);
    return { command, guest, stdin, stdout, stderr };
  };
  const begin = ({ guest, stdin }: CommandParts, requestEnvironBytes: number, input: Uint8Array): void => {
    if (environIsRequest) guest.environ = strings(input.slice(0, requestEnvironBytes));
    stdin.set(input.subarray(requestEnvironBytes));
  };

  const alone = make(false);
  const runs: Runs = new Runs(
    () => {
      const parts = make(true);
      if (settings.mode !== "instance") parts.command.prepare();
      return parts;
    },
    (runId, ended, parts) => {
      tellHeld();
      leaveOutput(channel, parts, ended);
      tellEnded(runId, ended, parts.stdout.length > channel.outbox.length ? copyOf(parts.stdout) : null);
    },
  );
  return {
    prepare() {
      const noted = alone.command.prepare();
      channel.control[CONTROL.writtenLength] = 0;
      return noted;
    },
    run(requestEnvironBytes, stdinBytes, apart) {
      const input = apart === undefined ? channel.inbox.subarray(0, requestEnvironBytes + stdinBytes) : new Uint8Array(apart);
      begin(alone, requestEnvironBytes, input);
      const ended = alone.command.run();
      leaveOutput(channel, alone, ended);
      return ended;
    },
    start(runId, requestEnvironBytes, stdinBytes, apart) {
      // A copy: the inbox is the next request's as soon as this one waits.
      const input = apart === undefined ? channel.inbox.slice(0, requestEnvironBytes + stdinBytes) : new Uint8Array(apart);
      runs.start(runId, (parts) => begin(parts, requestEnvironBytes, input));
    },
    settle(ticket, code, bytes, number) {
      channel.control[CONTROL.writtenLength] = 0;
      requests.settle(ticket, code, bytes, number);
    },
    abandon(runId) {
      runs.abandon(runId);
      requests.forget(runId);
      tellHeld();
    },
    output: () => copyOf(alone.stdout),
  };
}

function importsOf(module: Module, guest: GuestProcess, maySuspend: boolean): Imports {
  const known: Record<string, Record<string, unknown>> = {};
  for (const { module: name } of webAssembly().Module.imports(module)) {
    if (name === "wasi_snapshot_preview1" || name === "wasi_unstable") known[name] ??= suspending(wasiImports(guest), maySuspend);
    else if (name === "gojinn") known[name] ??= suspending(gojinnImports(guest), maySuspend);
    else if (name === "pilotlight") known[name] ??= suspending(pilotlightImports(guest), maySuspend);
  }
  return known;
}

/** Those that may wait return a promise; where the instance can't be suspended they throw MustWait before they make one. */
function suspending(imports: Readonly<Record<string, GuestFunction>>, maySuspend: boolean): Record<string, unknown> {
  const { Suspending } = webAssembly();
  return Object.fromEntries(
    Object.entries(imports).map(([name, run]) => [name, maySuspend && MAY_WAIT.has(name) ? new Suspending(run) : run]),
  );
}

/** Where the host reads it; what does not fit the outbox it asks for. */
function leaveOutput(channel: Channel, { command, guest, stdout, stderr }: CommandParts, ended: number): void {
  if (ended === ENDED.trapped) leaveFailure(channel, command.failure);
  const { control, outbox, window } = channel;
  control[CONTROL.exitCode] = command.exitCode;
  control[CONTROL.noted] = guest.noted;
  control[CONTROL.stdoutLength] = stdout.length;
  control[CONTROL.stderrLength] = stderr.length;
  if (stderr.length > 0) window.set(stderr.bytes, STDERR_OFFSET);
  control[CONTROL.writtenLength] = 0;
  if (stdout.length <= outbox.length) outbox.set(stdout.bytes);
}

function copyOf({ bytes }: BufferedOutput): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

/** As UTF-16 at the start of the window. */
function leaveFailure({ control, window }: Channel, text: string): void {
  const units = new Uint16Array(window.buffer, window.byteOffset, text.length);
  for (let index = 0; index < text.length; index++) units[index] = text.charCodeAt(index);
  control[CONTROL.failureLength] = units.byteLength;
}

/** Each with its NUL, as WASI hands them over. */
function strings(bytes: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start) + 1;
    if (end === 0) break;
    list.push(bytes.subarray(start, end));
    start = end;
  }
  return list;
}

Object.defineProperty(globalThis, "__pilotlight_boot", {
  configurable: true,
  value: (...args: Parameters<typeof boot>) => {
    Reflect.deleteProperty(globalThis, "__pilotlight_boot");
    return boot(...args);
  },
});
