/**
 * Page scan: tells which pages of a guest's memory hold nothing but zeroes. In
 * WebAssembly, because it runs once, in an isolate that has just been opened:
 * there V8 interprets JavaScript, at 50 ns a word, and a cold start would spend
 * most of its time here.
 *
 * (module
 *   (import "" "memory" (memory 0))
 *   (func (export "isZero") (param $at i32) (param $end i32) (result i32)
 *     (loop $next
 *       (if (i64.ne (i64.const 0)
 *             (i64.or (i64.or (i64.load (local.get $at)) (i64.load offset=8 (local.get $at)))
 *                     (i64.or (i64.load offset=16 (local.get $at)) (i64.load offset=24 (local.get $at)))))
 *         (then (return (i32.const 0))))
 *       (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
 *     (i32.const 1)))
 */
import { type Memory, type Module, webAssembly } from "./webassembly.ts";

const BYTES =
  "0061736d0100000001070160027f7f017f020c0100066d656d6f727902000003020100070a010669735a65726f00000a35013300034020" +
  "00290300200029030884200029031020002903188484420052044041000f0b200041206a22002001490d000b41010b";

/** Whether the bytes of a memory from `start` to `end`, both multiples of 32, are all zero. */
export type IsZero = (start: number, end: number) => number;

let compiled: Module | null = null;

export function pageScanOf(memory: Memory): IsZero {
  const { Instance, Module } = webAssembly();
  compiled ??= new Module(Uint8Array.fromHex(BYTES));
  return new Instance(compiled, { "": { memory } }).exports["isZero"] as IsZero;
}
