import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentOf } from "./environment.ts";

const PARTS = {
  functionId: "api/report",
  named: {},
  more: {},
  server: { PATH: "/bin", LANG: "C.UTF-8", AWS_SECRET_ACCESS_KEY: "hidden", HOME: "/home/me", NODE_OPTIONS: "--inspect" },
  homeDir: "/data/home/api%2Freport",
  clientsDir: "/pilotlight/clients",
  instance: 3,
  socketPath: "/run/3",
  port: 0,
  ringPath: null,
  isForkServer: false,
};

test("nothing of the server's but a few words is passed on", () => {
  assert.deepEqual(environmentOf(PARTS), {
    PATH: "/bin",
    LANG: "C.UTF-8",
    HOME: "/data/home/api%2Freport",
    PYTHONPATH: "/pilotlight/clients",
    NODE_PATH: "/pilotlight/clients",
    PILOTLIGHT_SOCKET: "/run/3",
    AETHER_SOCKET: "/run/3",
    PILOTLIGHT_FUNCTION: "api/report",
    AETHER_FUNCTION_ID: "api/report",
    PILOTLIGHT_INSTANCE: "3",
  });
});

test("what the function names stands behind our clients, and never in place of the protocol", () => {
  const env = environmentOf({
    ...PARTS,
    named: {
      PYTHONPATH: "/mine",
      PATH: "/mine/bin",
      HOME: "/mine",
      PILOTLIGHT_SOCKET: "/forged",
      PILOTLIGHT_RING: "/forged",
      PILOTLIGHT_FORK: "1",
      HTTP_X_TENANT: "mine",
    },
    more: { REQUEST_METHOD: "GET", PORT: "80", HTTP_X_TENANT: "forged", HTTP_ACCEPT: "*/*" },
    port: 5_000,
  });
  assert.deepEqual(
    [env["PYTHONPATH"], env["PATH"], env["HOME"], env["PILOTLIGHT_SOCKET"], env["REQUEST_METHOD"], env["PORT"], env["AETHER_TRIGGER_PORT"]],
    ["/pilotlight/clients:/mine", "/mine/bin", "/mine", "/run/3", "GET", "5000", "5000"],
  );
  assert.deepEqual([env["HTTP_X_TENANT"], env["HTTP_ACCEPT"]], ["mine", "*/*"], "a client's header took the place of the function's own");
  assert.ok(!("PILOTLIGHT_RING" in env) && !("PILOTLIGHT_FORK" in env));
});

test("rings and fork servers are named when there are any", () => {
  const env = environmentOf({ ...PARTS, ringPath: "/proc/self/fd/3", isForkServer: true, server: {} });
  assert.deepEqual([env["PILOTLIGHT_RING"], env["PILOTLIGHT_FORK"]], ["/proc/self/fd/3", "1"]);
  assert.match(env["PATH"]!, /^\/usr\/local\/sbin:/);
});
