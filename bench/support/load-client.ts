/**
 * A small closed-loop client for machines without wrk: raw sockets, one
 * request in flight per connection, every status checked. Prints a LoadResult.
 */
import { connect } from "node:net";

const [port, path, connectionCount, seconds, headersJson] = process.argv.slice(2) as [string, string, string, string, string];
const headers = Object.entries(JSON.parse(headersJson) as Record<string, string>);
const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: keep-alive\r\n${lines}\r\n`;

let requests = 0;
let errors = 0;
let running = true;

for (let at = 0; at < Number(connectionCount); at++) open();
setTimeout(() => {
  running = false;
  process.stdout.write(`${JSON.stringify({ requests, errors })}\n`, () => process.exit(0));
}, Number(seconds) * 1_000);

function open(): void {
  const socket = connect(Number(port), "127.0.0.1");
  let pending = "";
  socket.setNoDelay();
  socket.on("connect", () => socket.write(request));
  socket.on("data", (chunk: Buffer) => {
    pending += chunk.toString("latin1");
    const headEnd = pending.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending)?.[1] ?? 0);
    if (pending.length < headEnd + 4 + length) return;
    if (pending.startsWith("HTTP/1.1 200")) requests++;
    else errors++;
    pending = "";
    if (running) socket.write(request);
  });
  socket.on("error", () => {
    errors++;
  });
}
