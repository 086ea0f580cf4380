/**
 * A CGI program (RFC 3875): answers with what the server told it, a variable a
 * line, then the body as it came. `/status/N` answers with the status N.
 */
import { environment, readAll, writeAll, writeText } from "./wasi";

const STATUS_PATH = "/status/";

function variable(all: string[], name: string, otherwise: string): string {
  for (let at = 0; at < all.length; at++) if (all[at].startsWith(name + "=")) return all[at].substring(name.length + 1);
  return otherwise;
}

function main(): void {
  const all = environment();
  const path = variable(all, "PATH_INFO", "");
  const status = path.startsWith(STATUS_PATH) ? path.substring(STATUS_PATH.length) : "200";
  const method = variable(all, "REQUEST_METHOD", "none");
  writeText("Status: " + status + "\r\nContent-Type: text/plain; charset=utf-8\r\nX-Method: " + method + "\r\n\r\n");
  for (let at = 0; at < all.length; at++) writeText(all[at] + "\n");
  writeText("\n");
  writeAll(readAll());
}

main();
