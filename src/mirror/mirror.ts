/**
 * Mirror: its parts, behind a listener.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { describeCount } from "../base/units.ts";
import type { MirrorConfig } from "../config/mirror-config.ts";
import { createListener, type Listener } from "../http/listener.ts";
import type { ClientAuth } from "./client-auth.ts";
import { lazyFace } from "./face/lazy-face.ts";
import { FileAnswers } from "./files/file-answers.ts";
import { MirrorFront } from "./front.ts";
import type { MirrorLog } from "./log.ts";
import { type MirrorOptions, type MirrorParts, openParts } from "./mirror-parts.ts";
import { Observer } from "./observer.ts";

/** How long answers under way may still take when the mirror stops. */
const DRAIN_GRACE_MS = 10_000;

export interface Mirror {
  /** Resolves with the port. */
  start(): Promise<Result<number, Failure>>;
  /** Finishes answers under way; transfers that nobody waits for are given up. */
  stop(): Promise<void>;
}

export async function openMirror(config: MirrorConfig, options: MirrorOptions): Promise<Result<Mirror, Failure>> {
  const auth = await authOf(config, options);
  if (!auth.ok) return auth;
  const parts = await openParts(config, options);
  if (!parts.ok) return parts;
  try {
    return ok(new ListeningMirror(parts.value, auth.value, options.nowMs));
  } catch (error) {
    await parts.value.close();
    throw error;
  }
}

async function authOf({ clients }: MirrorConfig, options: MirrorOptions): Promise<Result<ClientAuth | null, Failure>> {
  if (clients === null) return ok(null);
  const { createClientAuth } = await import("./client-auth.ts");
  return createClientAuth(clients, options);
}

class ListeningMirror implements Mirror {
  readonly #parts: MirrorParts;
  readonly #auth: ClientAuth | null;
  readonly #listener: Listener;
  readonly #observer: Observer;
  readonly #log: MirrorLog;
  #isListening = false;

  constructor(parts: MirrorParts, auth: ClientAuth | null, nowMs: () => number) {
    const { config, counters, log, pages, store, transfers, links } = parts;
    const files = new FileAnswers({
      store,
      transfers,
      links,
      binaryMimeType: config.binaryFileMimeType,
      offline: config.upstream.offline,
      linkTtlMs: (index) => config.indexes.find(({ name }) => name === index)?.ttlMs ?? 0,
      negativeTtlMs: config.upstream.negativeTtlMs,
      nowMs,
      onServed: (artifact, outcome, bytes, isSpared) => counters.served(artifact.kind, outcome, artifact.project, bytes, isSpared),
      download: (artifact) => parts.relayed(artifact),
      onUnkept: ({ filename }, failure) => log("error", `${filename} is passed on without being kept`, { code: failure.code }),
    });
    const startedAtMs = nowMs();
    const logsAnswers = config.log.level === "info" || config.log.level === "debug";
    this.#observer = new Observer(counters, logsAnswers ? log : null);
    this.#log = log;
    const front = new MirrorFront({
      pages,
      files,
      face: lazyFace(async () => (await import("./face/face.ts")).createFace(parts, files, { startedAtMs, nowMs })),
      auth,
      counters,
      observer: this.#observer,
      log,
    });
    this.#parts = parts;
    this.#auth = auth;
    this.#listener = createListener({
      limits: config.http,
      tls: config.tls,
      onExchange: front.handle,
      onInvalidAnswer: (exchange, reason) => log("error", reason, { path: exchange.target }),
      log,
    });
  }

  async start(): Promise<Result<number, Failure>> {
    const { host, port } = this.#parts.config;
    try {
      const listened = await this.#listener.listenTcp({ host, port });
      this.#isListening = true;
      return ok(listened);
    } catch (error) {
      return fail(listenFailure(host, port, error));
    }
  }

  async stop(): Promise<void> {
    // One that never listened has told why.
    if (this.#isListening) {
      const [answers, transfers] = [this.#observer.openCount, this.#parts.transfers.openCount];
      this.#log("info", `Stopping: ${describeCount(answers, "answer")} and ${describeCount(transfers, "transfer")} under way`);
    }
    await this.#listener.drain(DRAIN_GRACE_MS);
    await this.#auth?.close();
    await this.#parts.close();
  }
}

function listenFailure(host: string, port: number, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === "EADDRINUSE" ? "the port is taken" : code === "EACCES" ? "no permission for this port" : message;
  return { code: "LISTEN_FAILED", message: `Cannot listen on ${host}:${port}: ${reason}`, hint: "Give another port: --port PORT" };
}
