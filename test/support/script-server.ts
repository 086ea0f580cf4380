/**
 * A server whose behaviour a test scripts, in a process of its own: its delays
 * must not be those of the test's event loop. The source defines `onRequest(socket, bytes)`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface ScriptServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

const LIFE_MAX_MS = 60_000;

export async function startScriptServer(source: string): Promise<ScriptServer> {
  const program = `import { createServer } from "node:net";
${source}
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", (bytes) => onRequest(socket, bytes));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
setTimeout(() => process.exit(), ${LIFE_MAX_MS});`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
