/**
 * A tap between a client and a mirror: passes every byte on unchanged and
 * remembers what was asked and how much came back. What pip and uv fetch can
 * only be seen here: the index behind the mirror sees the mirror's requests.
 */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Tapped {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly status: number;
  sentBytes: number;
}

export interface Tap extends AsyncDisposable {
  readonly origin: string;
  readonly requests: readonly Tapped[];
}

export async function startTap(mirrorOrigin: string): Promise<Tap> {
  const requests: Tapped[] = [];
  const { hostname: host, port } = new URL(mirrorOrigin);
  const server = createServer((from, to) => {
    const onward = request({ host, port, method: from.method!, path: from.url!, headers: from.headers, agent: false });
    from.pipe(onward);
    to.on("close", () => onward.destroy());
    onward.on("error", () => to.destroy());
    onward.on("response", (answer) => {
      const { range = null } = from.headers;
      const tapped: Tapped = { method: from.method!, path: from.url!, range, status: answer.statusCode!, sentBytes: 0 };
      requests.push(tapped);
      to.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.on("data", (chunk: Buffer) => {
        tapped.sentBytes += chunk.length;
      });
      answer.on("error", () => to.destroy());
      answer.pipe(to);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
