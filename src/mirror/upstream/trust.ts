/**
 * Trust: whose certificates an https index may show. The roots that come with
 * Node, those of this system (where companies put theirs) and those of
 * --ca-file. One context for all connections: to read hundreds of roots takes
 * milliseconds, and must not be repeated for each.
 */
import type { SecureContext } from "node:tls";
import { builtin } from "../../base/builtin.ts";
import type { UpstreamConfig } from "../../config/mirror-config.ts";

export interface Trust {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** Messages are shown to clients: no path of this machine. */
export class TrustError extends Error {
  override readonly name = "TrustError";
}

/** Throws TrustError when the CA file can't be used. */
export function loadTrust(upstream: Pick<UpstreamConfig, "caFile" | "verifyTls">): Trust {
  const { tls } = builtin;
  if (!upstream.verifyTls) return { secureContext: tls.createSecureContext(), rejectUnauthorized: false };
  const roots = new Set([...tls.getCACertificates("default"), ...tls.getCACertificates("system")]);
  if (upstream.caFile !== null) for (const certificate of readBundle(upstream.caFile)) roots.add(certificate);
  return { secureContext: tls.createSecureContext({ ca: [...roots] }), rejectUnauthorized: true };
}

function readBundle(path: string): string[] {
  let text: string;
  try {
    text = builtin.fs.readFileSync(path, "latin1");
  } catch (error) {
    throw new TrustError(`the file of --ca-file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new TrustError("the file of --ca-file holds no certificate in PEM form");
  for (const [at, certificate] of certificates.entries()) {
    try {
      new builtin.crypto.X509Certificate(certificate);
    } catch {
      throw new TrustError(`certificate ${at + 1} of --ca-file can't be read`);
    }
  }
  return certificates;
}
