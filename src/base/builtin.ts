/**
 * Built-in modules that are loaded when first used. Workers run without Node's
 * startup snapshot (isolated-vm asks for that), so each of these costs them 5
 * to 40 ms of boot; most workers never use one. An import also reads every
 * export of a module, and some load others when they are read.
 */
export const builtin = {
  get crypto(): typeof import("node:crypto") {
    return process.getBuiltinModule("node:crypto");
  },
  get dns(): typeof import("node:dns") {
    return process.getBuiltinModule("node:dns");
  },
  /** Its ESM form also loads node:fs/promises and what that needs: 10 ms. */
  get fs(): typeof import("node:fs") {
    return process.getBuiltinModule("node:fs");
  },
  /** Its ESM form also loads fetch, HTTP/2 and TLS: 25 ms. */
  get http(): typeof import("node:http") {
    return process.getBuiltinModule("node:http");
  },
  get https(): typeof import("node:https") {
    return process.getBuiltinModule("node:https");
  },
  get stream(): typeof import("node:stream") {
    return process.getBuiltinModule("node:stream");
  },
  get tls(): typeof import("node:tls") {
    return process.getBuiltinModule("node:tls");
  },
  get v8(): typeof import("node:v8") {
    return process.getBuiltinModule("node:v8");
  },
  get workerThreads(): typeof import("node:worker_threads") {
    return process.getBuiltinModule("node:worker_threads");
  },
  get zlib(): typeof import("node:zlib") {
    return process.getBuiltinModule("node:zlib");
  },
};
