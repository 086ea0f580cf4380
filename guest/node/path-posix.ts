/** node:path/posix: here the same as node:path. */
export * from "./path.ts";
export { default } from "./path.ts";
