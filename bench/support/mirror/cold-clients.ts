/**
 * Clients that all want a file which nobody has yet: each follows redirects as
 * pip does, hashes what it gets and notes when its first byte came.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";

export interface Download {
  readonly isRight: boolean;
  /** Unix time. */
  readonly firstByteAtMs: number;
  readonly endedAtMs: number;
}

const REDIRECTS_MAX = 5;

export function downloadAll(count: number, url: string, sha256: string): Promise<Download[]> {
  return Promise.all(Array.from({ length: count }, () => download(url, sha256)));
}

async function download(url: string, sha256: string): Promise<Download> {
  const response = await opened(url);
  const hash = createHash("sha256");
  let firstByteAtMs = Number.NaN;
  let isWhole = true;
  response.on("data", (chunk: Buffer) => {
    if (Number.isNaN(firstByteAtMs)) firstByteAtMs = unixMs();
    hash.update(chunk);
  });
  try {
    await once(response, "end");
  } catch {
    isWhole = false;
  }
  return { isRight: isWhole && response.statusCode === 200 && hash.digest("hex") === sha256, firstByteAtMs, endedAtMs: unixMs() };
}

async function opened(url: string): Promise<IncomingMessage> {
  for (let turn = 0; ; turn++) {
    const [response] = (await once(get(url, { agent: false, headers: { "accept-encoding": "identity", accept: "*/*" } }), "response")) as [
      IncomingMessage,
    ];
    const { location } = response.headers;
    if (location === undefined || turn === REDIRECTS_MAX) return response;
    response.resume();
    url = new URL(location, url).href;
  }
}

/** To parts of a millisecond, as the double tells it. */
function unixMs(): number {
  return performance.timeOrigin + performance.now();
}
