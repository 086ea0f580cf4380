/**
 * The three request contracts of WebAssembly functions, over HTTP: how a request
 * reaches a guest and how its output becomes an answer, hostile output included.
 * Guests that write what they are told to let a test choose the output.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

const [echo, says, cat, cgi] = await Promise.all(["echo", "says", "cat", "cgi"].map((name) => guest("c", name)));
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe("request contracts", { skip: skipReason(echo!) }, () => {
  let server: TestServer;
  before(async () => {
    const modules = {
      gojinn: fileOf(says!),
      "echo/[...path]": fileOf(echo!),
      cgi: fileOf(cat!),
      "env/[...path]": fileOf(cgi!),
      cat: fileOf(cat!),
    };
    server = await startWasmServer(modules, {
      functions: { gojinn: { contract: "gojinn" }, cgi: { contract: "cgi" }, cat: { contract: "command" } },
    });
  });
  after(() => server.stop());

  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> =>
    server.get(path, { method: "POST", body, headers });

  /** The client gets the code, the log the reason. */
  async function assertRefused(path: string, outputs: readonly (readonly [output: string, reason: RegExp])[]): Promise<void> {
    const requestIds: string[] = [];
    for (const [output, reason] of outputs) {
      const answer = await post(path, output);
      assert.equal(answer.status, 500, output);
      const { error } = (await answer.json()) as { error: { code: string; message: string; requestId: string } };
      assert.equal(error.code, "INVALID_ANSWER", output);
      assert.doesNotMatch(error.message, reason);
      requestIds.push(error.requestId);
    }
    const logs = await server.logs();
    for (const [index, [output, reason]] of outputs.entries()) {
      const logged = logs.find((record) => record["requestId"] === requestIds[index]);
      assert.match(String(logged?.["message"]), reason, output);
    }
  }

  describe("gojinn", () => {
    test("hands over method, target, every header as a list, and the body", async () => {
      const answer = await post("/echo/a%20b/%2F?q=1&q=2", "text é", { "X-Probe": "one", "X-Other": "a, b" });
      assert.equal(answer.headers.get("x-method"), "POST");
      assert.equal(answer.headers.get("x-target"), "/echo/a%20b/%2F?q=1&q=2");
      const headers = JSON.parse(answer.headers.get("x-headers")!) as Record<string, string[]>;
      assert.deepEqual([headers["X-Probe"], headers["X-Other"]], [["one"], ["a, b"]]);
      assert.equal(await answer.text(), "text é");
    });

    test("carries every byte value both ways", async () => {
      const answer = await post("/echo/binary", ALL_BYTES);
      assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), ALL_BYTES);
    });

    test("takes headers as strings and as lists", async () => {
      const answer = await post(
        "/gojinn",
        '{"status":201,"headers":{"X-A":"one","Set-Cookie":["a=1","b=2"],"Content-Type":"text/html"},"body":"<b>"}',
      );
      assert.deepEqual([answer.status, answer.headers.get("x-a"), answer.headers.get("content-type")], [201, "one", "text/html"]);
      assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
      assert.equal(await answer.text(), "<b>");
    });

    test("gives output that is no answer as the body of a 200, as Gojinn does", async () => {
      for (const output of [
        "plain",
        "",
        "null",
        "[]",
        "3",
        '{"status":0,"body":"x"}',
        '{"body":"x"}',
        '{"status":null}',
        '{"status":200',
        '{"status":200}{}',
      ]) {
        const answer = await post("/gojinn", output);
        assert.equal(answer.status, 200, output);
        assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
        assert.equal(await answer.text(), output);
      }
    });

    test("takes null as nothing, and body_base64 as the bytes of the body", async () => {
      const empty = await post("/gojinn", '{"status":200,"headers":null,"body":null,"body_base64":null}');
      assert.deepEqual([empty.status, await empty.text()], [200, ""]);
      for (const [base64, bytes] of [
        ["AAEC/w==", [0, 1, 2, 255]],
        ["AAEC", [0, 1, 2]],
        ["AAE", [0, 1]],
        ["", []],
      ] as const) {
        const answer = await post("/gojinn", JSON.stringify({ status: 200, body: "ignored", body_base64: base64 }));
        assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], bytes);
      }
    });

    test("refuses an answer of the wrong shape, and says in the log what is wrong with it", async () => {
      await assertRefused("/gojinn", [
        ['{"status":99}', /its status is 99, not a number from 200 to 599/],
        ['{"status":101}', /its status is 101/],
        ['{"status":600}', /its status is 600/],
        ['{"status":200.5}', /its status is 200.5/],
        ['{"status":"200"}', /its status is "200"/],
        ['{"status":200,"body":5}', /its body is no string/],
        ['{"status":200,"body_base64":5}', /its body_base64 is no string/],
        ['{"status":200,"body_base64":"AAEC@@@@"}', /its body_base64 is not base64/],
        ['{"status":200,"headers":[1]}', /its headers are not an object/],
        ['{"status":200,"headers":{"X":1}}', /its headers are not an object/],
      ]);
    });

    test("lets no header through that would become two, or end the head", async () => {
      const forbidden = /its header .* has characters that no header may have/;
      const headers: [string, string][] = [
        ["X-A", "a\r\nX-Evil: 1"],
        ["X-A", "a\nX-Evil: 1"],
        ["X-A", "a\rX-Evil: 1"],
        ["X-A", "a\r\n\r\n<script>"],
        ["X-A", "a\0"],
        ["X-A", "中"],
        ["X-A\r\nX-Evil", "1"],
        ["X-Evil: 1\r\nX-A", "1"],
        ["X:A", "1"],
        ["X A", "1"],
        ["", "1"],
      ];
      const answerOf = ([name, value]: [string, string]): string => JSON.stringify({ status: 200, headers: { [name]: value } });
      await assertRefused(
        "/gojinn",
        headers.map((header) => [answerOf(header), forbidden] as const),
      );
    });
  });

  describe("cgi", () => {
    function variablesOf(text: string): Map<string, string> {
      return new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
    }

    test("puts the request into the environment and its body on standard input", async () => {
      const answer = await post("/env/a%20b?q=1&r=%41", "the body", { "X-Two-Words": "1", "Content-Type": "text/x", Cookie: "a=b" });
      const text = await answer.text();
      const variables = variablesOf(text);
      const { port } = server;
      const expected = {
        GATEWAY_INTERFACE: "CGI/1.1",
        REQUEST_METHOD: "POST",
        PATH_INFO: "/env/a b",
        QUERY_STRING: "q=1&r=%41",
        SERVER_NAME: "127.0.0.1",
        SERVER_PORT: String(port),
        SERVER_PROTOCOL: "HTTP/1.1",
        REMOTE_ADDR: "127.0.0.1",
        CONTENT_TYPE: "text/x",
        CONTENT_LENGTH: "8",
        HTTP_X_TWO_WORDS: "1",
        HTTP_COOKIE: "a=b",
        HTTP_HOST: `127.0.0.1:${port}`,
      };
      for (const [name, value] of Object.entries(expected)) assert.equal(variables.get(name), value, name);
      assert.ok(text.endsWith("\n\nthe body"));
    });

    test("tells the length of a body that came in chunks, and nothing of the chunks", async () => {
      const body = new Blob(["the ", "body"]).stream();
      const answer = await server.get("/env/x", { method: "POST", body, duplex: "half" } as RequestInit);
      const text = await answer.text();
      const variables = variablesOf(text);
      assert.deepEqual([variables.get("CONTENT_LENGTH"), variables.get("HTTP_TRANSFER_ENCODING")], ["8", undefined]);
      assert.ok(text.endsWith("\n\nthe body"));
    });

    test("takes no header for another whose name differs by a mark", async () => {
      const headers = { "X-Forwarded-User": "ada", X_Forwarded_User: "root", Content_Length: "999", Content_Type: "text/evil", _: "x" };
      const variables = variablesOf(await (await post("/env/x", "the body", { "Content-Type": "text/x", ...headers })).text());
      const seen = ["HTTP_X_FORWARDED_USER", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP__"].map((name) => variables.get(name));
      assert.deepEqual(seen, ["ada", "8", "text/x", undefined]);
    });

    test("gives no client the means to set HTTP_PROXY", async () => {
      assert.doesNotMatch(await (await post("/env/x", "", { Proxy: "http://evil.example/" })).text(), /proxy/i);
    });

    test("reads status line, headers and body, whatever the line ends", async () => {
      for (const [output, status, body] of [
        ["Status: 201 Created\r\nX-A: 1\r\n\r\nbody", 201, "body"],
        ["Status: 404\nX-A: 1\n\nbody\r\n\r\nmore", 404, "body\r\n\r\nmore"],
        ["X-A: 1\n\r\nbody", 200, "body"],
        ["X-A: 1\r\n\nbody", 200, "body"],
        ["X-A:1\n\n\nbody", 200, "\nbody"],
      ] as const) {
        const answer = await post("/cgi", output);
        assert.deepEqual([answer.status, answer.headers.get("x-a"), await answer.text()], [status, "1", body], JSON.stringify(output));
      }
    });

    test("redirects by a Location, with 302 unless a status says otherwise", async () => {
      for (const [output, status] of [
        ["Location: /elsewhere\n\n", 302],
        ["Location: /elsewhere\nStatus: 301\n\n", 301],
        ["Status: 201\nLocation: /elsewhere\n\n", 201],
      ] as const) {
        const answer = await post("/cgi", output);
        assert.deepEqual([answer.status, answer.headers.get("location")], [status, "/elsewhere"]);
      }
    });

    test("carries every byte value of a body, and lets the guest decide no framing", async () => {
      const head = Buffer.from("Content-Length: 9999\nTransfer-Encoding: chunked\nConnection: upgrade\n\n");
      const answer = await post("/cgi", new Uint8Array(Buffer.concat([head, ALL_BYTES])));
      assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), ALL_BYTES);
      assert.equal(answer.headers.get("content-length"), "256");
      assert.equal(answer.headers.get("transfer-encoding"), null);
    });

    test("refuses output that is no CGI answer, and says in the log what is wrong with it", async () => {
      const noLine = /is no header line/;
      const noStatus = /its status is .*, not a number from 200 to 599/;
      await assertRefused("/cgi", [
        ["", /no empty line behind its header lines/],
        ["\nbody", /begins with an empty line/],
        ["\r\n\r\nbody", /begins with an empty line/],
        ["X-A: 1\nno end", /no empty line behind its header lines/],
        ["words\n\n", noLine],
        [": 1\n\n", noLine],
        ["X-A : 1\n\n", noLine],
        ["X-A: a\rX-Evil: 1\n\n", noLine],
        ["X-A: a\0\n\n", noLine],
        ["Status: abc\n\n", noStatus],
        ["Status: 200abc\n\n", noStatus],
        ["Status: 99\n\n", noStatus],
        ["Status: 1e3\n\n", noStatus],
        ["Status:\n\n", noStatus],
      ]);
    });
  });

  describe("command", () => {
    test("answers with whatever was written, as text when it is UTF-8 and as bytes when not", async () => {
      for (const [input, type] of [
        ["", "text/plain; charset=utf-8"],
        ['{"status":404}', "text/plain; charset=utf-8"],
        ["Status: 404\n\né", "text/plain; charset=utf-8"],
        [ALL_BYTES, "application/octet-stream"],
      ] as const) {
        const answer = await post("/cat", input);
        assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, type]);
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(input as string));
      }
    });

    test("takes a body larger than what is handed over in place, and one that comes in chunks", async () => {
      const large = new Uint8Array(3 * 1024 * 1024).map((_, at) => (at * 31) >>> 3);
      const answer = await post("/cat", large);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(large));
      const chunked = await server.get("/cat", { method: "POST", body: new Blob(["one ", "two"]).stream(), duplex: "half" } as RequestInit);
      assert.equal(await chunked.text(), "one two");
    });
  });
});
