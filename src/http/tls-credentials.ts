/**
 * TLS credentials: certificate and key from files, read again when the files
 * change. New files that do not hold a matching pair are reported and the old
 * ones stay in use: a botched renewal must not take the server down.
 */
import type { SecureContextOptions } from "node:tls";
import { builtin } from "../base/builtin.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { TlsConfig } from "../config/config.ts";

const CHECK_INTERVAL_MS = 1_000;

export type Credentials = Pick<SecureContextOptions, "cert" | "key">;

/** What a listener throws whose certificate or key can't be used at start. */
export class CredentialsError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function readCredentials(tls: TlsConfig): Result<Credentials> {
  try {
    const credentials = { cert: builtin.fs.readFileSync(tls.certFile), key: builtin.fs.readFileSync(tls.keyFile) };
    // Throws for what is no PEM, and for a key that is not the certificate's.
    builtin.tls.createSecureContext(credentials);
    return ok(credentials);
  } catch (error) {
    return fail({
      code: "TLS_CREDENTIALS_INVALID",
      message: `Cannot use certificate ${tls.certFile} with key ${tls.keyFile}: ${(error as Error).message}`,
      hint: "Give a PEM certificate (chain) and the private key that belongs to it",
    });
  }
}

/**
 * Looks at the files once a second instead of watching them: renewals replace
 * files by rename or through links to other folders, which watches lose.
 * Returns what stops it.
 */
export function watchCredentials(
  tls: TlsConfig,
  onChange: (credentials: Result<Credentials>) => void,
  intervalMs = CHECK_INTERVAL_MS,
): () => void {
  let seen = fingerprint(tls);
  const timer = setInterval(() => {
    const now = fingerprint(tls);
    if (now === seen) return;
    seen = now;
    onChange(readCredentials(tls));
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

function fingerprint(tls: TlsConfig): string {
  return `${fileFingerprint(tls.certFile)} ${fileFingerprint(tls.keyFile)}`;
}

function fileFingerprint(file: string): string {
  const stat = builtin.fs.statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? "missing" : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
}
