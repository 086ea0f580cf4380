/**
 * Built-in modules that are loaded when first used. Workers run without Node's
 * startup snapshot (isolated-vm asks for that), so each of these costs them 5
 * to 40 ms of boot; most workers never use one.
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
  get stream(): typeof import("node:stream") {
    return process.getBuiltinModule("node:stream");
  },
  get tls(): typeof import("node:tls") {
    return process.getBuiltinModule("node:tls");
  },
  get v8(): typeof import("node:v8") {
    return process.getBuiltinModule("node:v8");
  },
  get zlib(): typeof import("node:zlib") {
    return process.getBuiltinModule("node:zlib");
  },
};
