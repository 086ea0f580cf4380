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
  type Entries,
  type HostCall,
  STDERR_OFFSET,
  SYSTEM_OPERATION,
} from "./channel.ts";
import { Command } from "./command.ts";
import { FdTable } from "./fd-table.ts";
import { preopenedFolders } from "./files.ts";
import { gojinnImports } from "./gojinn.ts";
import { GuestProcess } from "./guest-process.ts";
import { type WasiFunction, wasiImports } from "./imports.ts";
import { BufferedInput, BufferedOutput, LiveInput, LiveOutput } from "./streams.ts";
import { type Imports, type Module, webAssembly } from "./webassembly.ts";

function boot(shared: SharedArrayBuffer, call: HostCall, module: Module, settings: BootSettings): Entries {
  const channel = channelOn(shared, call);
  const { argsBytes, environBytes, isLive } = settings;
  const stdin = new BufferedInput();
  const stdout = new BufferedOutput(settings.stdoutMaxBytes, "end");
  const stderr = new BufferedOutput(settings.stderrMaxBytes, "drop");
  const guest = new GuestProcess({
    channel,
    descriptors: new FdTable(settings.streamFiletypes, () => preopenedFolders(channel)),
    stdin: isLive ? new LiveInput(channel) : stdin,
    stdout: isLive ? new LiveOutput(channel, 1) : stdout,
    stderr: isLive ? new LiveOutput(channel, 2) : stderr,
    environIsRequest: settings.environIsRequest,
    sleep: isLive ? (us) => void call(SYSTEM_OPERATION.sleep, us, 0, 0, 0, 0) : null,
  });
  guest.args = strings(channel.inbox.slice(0, argsBytes));
  guest.environ = strings(channel.inbox.slice(argsBytes, argsBytes + environBytes));
  const command = new Command(module, importsOf(module, guest), guest, { stdout, stderr }, settings.mode);
  return {
    prepare: () => command.prepare(),
    run(requestEnvironBytes, stdinBytes, apart) {
      const input = apart === undefined ? channel.inbox : new Uint8Array(apart);
      if (settings.environIsRequest) guest.environ = strings(input.slice(0, requestEnvironBytes));
      stdin.set(input.subarray(requestEnvironBytes, requestEnvironBytes + stdinBytes));
      const ended = command.run(channel);
      leaveOutput(channel, stdout, stderr);
      return ended;
    },
    output: () => stdout.bytes.slice().buffer as ArrayBuffer,
    discard: () => command.discard(),
    imageBytes: () => command.imageBytes,
  };
}

function importsOf(module: Module, guest: GuestProcess): Imports {
  const known: Record<string, Record<string, WasiFunction>> = {};
  for (const { module: name } of webAssembly().Module.imports(module)) {
    if (name === "wasi_snapshot_preview1" || name === "wasi_unstable") known[name] ??= wasiImports(guest);
    else if (name === "gojinn") known[name] ??= gojinnImports(guest);
  }
  return known as Imports;
}

function leaveOutput({ control, outbox, window }: Channel, stdout: BufferedOutput, stderr: BufferedOutput): void {
  control[CONTROL.stdoutLength] = stdout.length;
  control[CONTROL.stderrLength] = stderr.length;
  if (stdout.length <= outbox.length) outbox.set(stdout.bytes);
  if (stderr.length > 0) window.set(stderr.bytes, STDERR_OFFSET);
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
