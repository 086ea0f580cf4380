/** A port of 127.0.0.1 on which nobody listens: just bound, and let go. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

export async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
