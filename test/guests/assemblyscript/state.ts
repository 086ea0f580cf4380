/**
 * State prober: answers with what it finds where it could have left something
 * in an earlier run, then leaves something everywhere: globals, static memory,
 * heap, a map, a function reference, memory's size, a file. With fresh state every
 * answer is the same, but for the file of a folder that may be written. `--twice`
 * does it all again in the same run, which must find something: the prober's own proof.
 */
import { fileSize, openFile, programArguments, writeAll, writeText } from "./wasi";

const HEAP_BYTES = 256 * 1024;
const MARK: u8 = 0x5a;

let initialised: i32 = 7;
let wide: i64 = 7;
let fraction: f64 = 0.5;
let chosen: () => i32 = before;
let kept: Map<string, string> | null = null;
let heap: StaticArray<u8>[] = [];

function before(): i32 {
  return 0;
}
function after(): i32 {
  return 1;
}

function staticByte(): usize {
  return memory.data(64);
}

function probe(): void {
  const map = kept;
  writeText("initialised " + initialised.toString() + "\nwide " + wide.toString() + "\nfraction " + fraction.toString() + "\n");
  writeText("function " + chosen().toString() + "\nmap " + (map === null ? "none" : map.size.toString()) + "\n");
  writeText("heap " + heap.length.toString() + "\nstatic " + load<u8>(staticByte()).toString() + "\n");
  writeText("memory " + memory.size().toString() + "\nfile " + fileSize("state.txt").toString() + "\n");

  initialised = -1;
  wide = -1;
  fraction = -1;
  chosen = after;
  const left = new Map<string, string>();
  left.set("left", "behind");
  kept = left;
  const block = new StaticArray<u8>(HEAP_BYTES);
  block.fill(MARK);
  heap.push(block);
  store<u8>(staticByte(), MARK);
  memory.grow(3);
  const file = openFile("state.txt");
  // Left open on purpose: what a run has opened must not be there in the next.
  if (file != -1) writeAll(String.UTF8.encode("x"), file);
}

function main(): void {
  probe();
  if (programArguments().includes("--twice")) probe();
}

main();
