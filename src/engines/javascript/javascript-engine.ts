/**
 * The JavaScript engine: V8 isolates of isolated-vm, opened from a heap
 * snapshot of the guest prelude. Behind the engine contract, so that
 * isolated-vm (in maintenance mode) can be replaced.
 */
import ivm from "isolated-vm";
import { builtin } from "../../base/builtin.ts";
import type { Engine, EngineSource, Sandbox, Template } from "../engine.ts";
import { LaneHistory } from "../isolate/lane.ts";
import { SpareIsolates } from "../isolate/spare-isolates.ts";
import { JavaScriptSandbox, type SandboxHost } from "./sandbox.ts";

export interface JavaScriptEngineOptions extends Omit<SandboxHost, "isolates"> {
  readonly snapshot: ivm.ExternalCopy<ArrayBuffer>;
  /** V8 is about to abort the process on account of this function. */
  onCatastrophe(functionId: string, message: string): void;
}

export class JavaScriptEngine implements Engine {
  readonly name = "javascript";
  readonly #host: SandboxHost;

  constructor(options: JavaScriptEngineOptions) {
    const { snapshot, onCatastrophe, ...host } = options;
    this.#host = { ...host, isolates: new SpareIsolates(snapshot, onCatastrophe) };
  }

  async prepare(source: EngineSource): Promise<JavaScriptTemplate> {
    // Synchronous: small local files on the path of a cold start, where a trip through the thread pool costs more.
    const text = builtin.fs.readFileSync(source.codeFile, "utf8");
    const cache = readCodeCache(source.codeCacheFile);
    // The inner parentheses make V8 compile the bundle at once, so that its code cache holds it.
    // The guest's loader runs the bundle, so that a failure is told over the bridge like any other.
    return new JavaScriptTemplate(source, `__pilotlight_load((() => ${text}\n))`, cache, this.#host);
  }

  close(): void {
    this.#host.isolates.close();
  }
}

export class JavaScriptTemplate implements Template {
  readonly #source: EngineSource;
  readonly #text: string;
  #cachedData: ivm.ExternalCopy<ArrayBuffer> | null;
  readonly #host: SandboxHost;
  readonly #lanes = new LaneHistory();

  constructor(source: EngineSource, text: string, cache: ArrayBuffer | null, host: SandboxHost) {
    // A turn that outlasts the whole call's time is ended with it.
    this.#source = { ...source, cpuTimeoutMs: Math.min(source.cpuTimeoutMs, source.timeoutMs) };
    this.#text = text;
    this.#cachedData = cache === null ? null : new ivm.ExternalCopy(cache);
    this.#host = host;
  }

  async open(): Promise<Sandbox> {
    const code = {
      source: this.#source,
      text: this.#text,
      cachedData: this.#cachedData,
      lanes: this.#lanes,
      keepCodeCache: (data: ivm.ExternalCopy<ArrayBuffer>) => this.#keepCodeCache(data),
    };
    const sandbox = new JavaScriptSandbox(code, this.#host);
    await sandbox.load();
    return sandbox;
  }

  get lane(): "thread" | "loop" {
    return this.#lanes.lane;
  }
  readonly startMode = null;

  get promotionCount(): number {
    return this.#lanes.promotionCount;
  }
  get demotionCount(): number {
    return this.#lanes.demotionCount;
  }

  close(): void {
    this.#cachedData?.release();
    this.#cachedData = null;
  }

  /** Kept for the next sandbox here and, on disk, for the next worker. A disk that refuses costs only time. */
  #keepCodeCache(data: ivm.ExternalCopy<ArrayBuffer>): void {
    if (this.#cachedData !== null) return;
    this.#cachedData = data;
    const file = this.#source.codeCacheFile;
    if (file !== null) void writeQuietly(file, new Uint8Array(data.copy()));
  }
}

/** Absent is normal: V8 compiles then. */
function readCodeCache(file: string | null): ArrayBuffer | null {
  if (file === null) return null;
  try {
    const bytes = builtin.fs.readFileSync(file);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  } catch {
    return null;
  }
}

async function writeQuietly(file: string, bytes: Uint8Array): Promise<void> {
  const { writeFileAtomic } = await import("../../store/atomic-file.ts");
  await writeFileAtomic(file, bytes).catch(() => {});
}
