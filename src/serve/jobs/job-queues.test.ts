import assert from "node:assert/strict";
import { test } from "node:test";
import { functionOfCall, queueOfCall, queuesOf, topicOf } from "./job-queues.ts";

const DEPLOYED = [
  { id: "mail", file: "/f/mail.ts" },
  { id: "api/mail", file: "/f/api/mail.wasm" },
  { id: "a/send", file: "/f/a/send.ts" },
  { id: "b/send", file: "/f/b/send.ts" },
];

test("a topic is a function's id or the name of its file, unless several have that name", () => {
  const queues = queuesOf(DEPLOYED);
  assert.equal(queues.get("topic/mail"), "mail");
  assert.equal(queues.get("topic/mail.ts"), "mail");
  assert.equal(queues.get("topic/mail.wasm"), "api/mail");
  assert.equal(queues.get("topic/send.ts"), undefined);
  assert.equal(queues.get("call/a/send"), "a/send");
});

test("an id goes before another function's file name", () => {
  const queues = queuesOf([
    { id: "x", file: "/f/mail" },
    { id: "mail", file: "/f/y.ts" },
  ]);
  assert.equal(queues.get("topic/mail"), "mail");
});

test("code given on the command line has no file to be named by", () => {
  assert.deepEqual([...queuesOf([{ id: "main", file: "" }]).keys()], ["topic/main", "call/main"]);
});

test("a queue is either of calls or of a topic", () => {
  assert.deepEqual([functionOfCall(queueOfCall("api/mail")), topicOf(queueOfCall("api/mail"))], ["api/mail", null]);
  assert.deepEqual([functionOfCall("topic/call/x"), topicOf("topic/call/x")], [null, "call/x"]);
});
