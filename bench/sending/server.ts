/**
 * A server of two files by one of the ways, in a process of its own:
 * `node [--experimental-ffi] server.ts WAY CHUNK_BYTES FOLDER PORT`. It speaks
 * just enough HTTP for a client that waits for its answer.
 */
import { openSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createListener } from "../../src/http/listener.ts";
import { intake } from "../../src/http/socket-intake.ts";
import { throughListener } from "./through-listener.ts";
import { type OpenFile, openWay, type WayName } from "./ways.ts";

const [name, chunk, folder, port] = process.argv.slice(2) as [WayName | "listener", string, string, string];
const files = new Map<string, OpenFile>(["big", "small"].map((file) => [`/${file}`, opened(join(folder, file))]));

if (name === "listener") await listen();
else serve(name);

function opened(file: string): OpenFile {
  return { fd: openSync(file, "r"), size: statSync(file).size };
}

function serve(name: WayName): void {
  const way = openWay(name, Number(chunk));
  createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    const socket: Socket = intake(accepted, (segment, length) => {
      const file = files.get(segment.toString("latin1", 0, Math.min(length, 200)).split(" ")[1] ?? "");
      if (file === undefined) return void socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${file.size}\r\n\r\n`, "latin1");
      way.send({ socket, file, offset: 0, done: () => {} });
    });
    socket.on("error", () => {});
  }).listen(Number(port), "127.0.0.1");
}

async function listen(): Promise<void> {
  const limits = {
    bodyMaxBytes: 1024,
    headerMaxBytes: 16_384,
    targetMaxBytes: 8_192,
    headerTimeoutMs: 10_000,
    idleTransferTimeoutMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    connectionMaxCount: 2_000,
  };
  const send = throughListener(Number(chunk));
  const onExchange = (exchange: Parameters<typeof send>[0]): void => {
    const file = files.get(exchange.target);
    if (file === undefined) exchange.respond(404, "", null);
    else send(exchange, file);
  };
  await createListener({ limits, tls: null, onExchange }).listenTcp({ host: "127.0.0.1", port: Number(port) });
}
