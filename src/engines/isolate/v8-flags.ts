/**
 * How Node must be started wherever isolates run. V8 refuses compiled code that
 * was made under other flags, so whoever compiles for a worker starts the same.
 * On the path from spawn to the first answer: imports nothing.
 */
export const V8_FLAGS: readonly string[] = [
  // isolated-vm asks for it: its isolates can't share Node's own startup snapshot.
  "--no-node-snapshot",
  // With it V8 drops the interrupt check from loops whose end it believes to know, and believes it of
  // `for (;;) a.push(new Array(9))`: nothing ended such a loop, and its heap outgrew any limit (V8 14.6).
  "--no-turboshaft-loop-unrolling",
  // Functions of a WebAssembly module are validated when they are first called, as they are compiled. The
  // whole module was when it was built (build-module.ts): again, Go's would cost every first call 8 ms.
  "--wasm-lazy-validation",
];
