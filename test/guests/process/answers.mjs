/** Everything that a handler in Node may return, and what it may not, by the last part of the path. */
import { Readable } from "node:stream";
import { Answer, serve } from "../../../guest/process/pilotlight.mjs";

const HTML = { headers: { "Content-Type": "text/html", "X-A": "1" } };
const COOKIES = [
  ["set-cookie", "a=1"],
  ["set-cookie", "b=2"],
  ["Content-Length", "7"],
  ["Connection", "x"],
];

async function* parts() {
  yield "one;";
  yield Buffer.from("two;");
}

const ANSWERS = {
  str: () => "grüße",
  bytes: () => new Uint8Array([0, 255]),
  buffer: () => new Uint8Array([97, 98, 99]).buffer,
  dict: () => ({ a: [1, "ü"] }),
  list: () => [1, 2],
  number: () => 5,
  status: () => new Answer("teapot", { status: 418 }),
  "no-content": () => new Response(null, { status: 204 }),
  "no-body": () => new Answer(null, { status: 204 }),
  headers: async () => new Response("<p>", HTML),
  pairs: () => new Answer("", { headers: COOKIES }),
  "response-pairs": () => new Response("", { headers: COOKIES.slice(0, 2) }),
  response: () => Response.json({ a: 1 }, { status: 201 }),
  generator: () => parts(),
  file: () => new Answer(Readable.from([Buffer.alloc(200_000, "file")])),
  "headers-seen": ({ headers }) => [headers.get("USER-AGENT"), headers.get("none"), headers.get("x-twice"), headers.get("cookie")],
  query: ({ path, query, url }) => [path, Object.fromEntries(query), url],
  text: async (request) => (await request.text()).toUpperCase(),
  form: async (request) => Object.fromEntries(await request.formData()),
  none: () => undefined,
  null: async () => null,
  function: () => () => {},
  "status-low": () => new Answer("", { status: 100 }),
  "status-text": () => new Answer("", { status: "200 OK" }),
  "header-line": () => new Answer("", { headers: { "x-a": "b\r\nx-c: d" } }),
  "header-name": () => new Answer("", { headers: { "x a": "b" } }),
  "header-long": () => new Answer("", { headers: { "x-a": "b".repeat(2_000_000) } }),
  "header-greek": () => new Answer("", { headers: { "x-a": "\u03b1" } }),
  rejected: () => Promise.reject(new Error("rejected")),
  "numbers-streamed": () => Readable.from([1, 2]),
};

serve({ fetch: (request) => ANSWERS[request.path.split("/").at(-1)](request) });
