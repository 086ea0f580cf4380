import assert from "node:assert/strict";
import { test } from "node:test";
import { PROCESS_DEFAULTS } from "../../../config/process-settings.ts";
import { type ImageKeyParts, imageKey } from "./image-key.ts";

const PARTS: ImageKeyParts = {
  kind: "criu",
  maker: "criu 4.2.1",
  functionId: "api/report",
  fileSha256: "ab".repeat(32),
  command: ["python3", "{file}"],
  env: { LEVEL: "3", PATH: "/usr/bin" },
  homeDir: "/data/home/report",
  settings: PROCESS_DEFAULTS,
  memoryMaxBytes: 1024,
  machine: ["6.18.0", "x64", "flags: fpu"],
};

test("whatever decides what is in an image, or where it can be used, is in its key", () => {
  const changes: Partial<ImageKeyParts>[] = [
    { kind: "node" },
    { maker: "criu 4.3" },
    { functionId: "api/other" },
    { fileSha256: "cd".repeat(32) },
    { command: ["python3", "-O", "{file}"] },
    { env: { ...PARTS.env, LEVEL: "4" } },
    { env: { PATH: "/usr/bin" } },
    { homeDir: "/data/home/other" },
    { settings: { ...PROCESS_DEFAULTS, namespaces: ["network"] } },
    { settings: { ...PROCESS_DEFAULTS, openFileMax: 64 } },
    { memoryMaxBytes: 2048 },
    { machine: ["6.19.0", "x64", "flags: fpu"] },
    { machine: ["6.18.0", "x64", "flags: fpu avx512f"] },
  ];
  const keys = [{}, ...changes].map((change) => imageKey({ ...PARTS, ...change }));
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});

test("what each instance has of its own is not, nor is the order of the environment", () => {
  const own = {
    PILOTLIGHT_SOCKET: "/run/7",
    AETHER_SOCKET: "/run/7",
    PILOTLIGHT_INSTANCE: "7",
    PILOTLIGHT_RING: "/proc/self/fd/3",
    PORT: "7",
  };
  assert.equal(imageKey({ ...PARTS, env: { ...own, PATH: "/usr/bin", LEVEL: "3" } }), imageKey(PARTS));
});
