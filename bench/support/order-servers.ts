/**
 * The order function of the gojinn-benchmarks page, unsandboxed: POST
 * {"id":"1","value":100} is answered {"order_id":"1","total_final":115,…}, what
 * is no order 400. As a bare node:http server and as the page's Go server.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Subject } from "./lab.ts";
import { workFile } from "./subjects.ts";

export const ORDER = { path: "/order", data: '{"id":"1","value":100}', expect: '"order_id":"1","total_final":115,' };

const NODE_SERVER = `import { createServer } from "node:http";
createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const [status, answer] = bill(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    const body = JSON.stringify(answer);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");

function bill(body) {
  let order = null;
  try {
    order = JSON.parse(body.toString());
  } catch {}
  if (typeof order?.id !== "string" || typeof order.value !== "number") return [400, { error: "invalid order" }];
  return [200, { order_id: order.id, total_final: order.value + order.value * 0.15, engine: "node" }];
}
`;

const GO_SERVER = `package main

import (
	"encoding/json"
	"net/http"
	"os"
)

type order struct {
	ID    *string  \`json:"id"\`
	Value *float64 \`json:"value"\`
}

type bill struct {
	OrderID    string  \`json:"order_id"\`
	TotalFinal float64 \`json:"total_final"\`
	Engine     string  \`json:"engine"\`
}

func main() {
	http.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		var wanted order
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || wanted.ID == nil || wanted.Value == nil {
			w.WriteHeader(400)
			w.Write([]byte(\`{"error":"invalid order"}\`))
			return
		}
		tax := *wanted.Value * 0.15
		json.NewEncoder(w).Encode(bill{OrderID: *wanted.ID, TotalFinal: *wanted.Value + tax, Engine: "go"})
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		panic(err)
	}
}
`;
/** The first build on a machine compiles net/http. */
const BUILD_TIMEOUT_MS = 180_000;

export function nodeOrders(): Subject {
  const file = workFile("orders.mjs", NODE_SERVER);
  return { name: "node:http, unsandboxed", ...ORDER, command: (port) => [process.execPath, file, String(port)] };
}

/** Built with the Go that is installed; without one the reason, on standard error too. */
export function goOrders(): Subject | { readonly unavailable: string } {
  const source = workFile("orders/main.go", GO_SERVER);
  const binary = join(source, "../orders");
  const env = { ...process.env, GOTOOLCHAIN: "local", GOPROXY: "off", GOFLAGS: "-buildvcs=false" };
  const built = spawnSync("go", ["build", "-o", binary, source], { encoding: "utf8", env, timeout: BUILD_TIMEOUT_MS });
  if (built.status === 0) return { name: "Go net/http, native", ...ORDER, command: (port) => [binary, String(port)] };
  const unavailable = `no native Go server: ${(built.error?.message ?? built.stderr).trim().split("\n")[0]}`;
  process.stderr.write(`SKIPPED: ${unavailable}\n`);
  return { unavailable };
}
