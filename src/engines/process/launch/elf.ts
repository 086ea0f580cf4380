/**
 * ELF: the two facts of a program's header that decide whether it can start
 * here: its machine and its loader. Pure; given the file's first bytes, which
 * may be hostile or cut short.
 */
export interface ElfFacts {
  /** As Node names it; null for machines that Node has no name for. */
  readonly machine: string | null;
  /** The loader it asks for; null for static programs, or where the first bytes don't tell. */
  readonly interpreter: string | null;
}

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_INTERP = 3;
const MACHINES = new Map([
  [3, "ia32"],
  [40, "arm"],
  [62, "x64"],
  [183, "arm64"],
  [243, "riscv64"],
  [258, "loong64"],
]);

/** Null for what is no ELF file. Other classes and byte orders give no facts: the kernel will say. */
export function readElf(head: Buffer): ElfFacts | null {
  if (head.length < MAGIC.length || !head.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  if (head.length < HEADER_BYTES || head[4] !== CLASS_64 || head[5] !== LITTLE_ENDIAN) return { machine: null, interpreter: null };
  return { machine: MACHINES.get(head.readUInt16LE(18)) ?? null, interpreter: interpreterOf(head) };
}

function interpreterOf(head: Buffer): string | null {
  const offset = head.readBigUInt64LE(32);
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  if (size < PROGRAM_HEADER_BYTES || offset > BigInt(head.length)) return null;
  for (let index = 0, at = Number(offset); index < count && at + PROGRAM_HEADER_BYTES <= head.length; index++, at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const start = head.readBigUInt64LE(at + 8);
    const length = head.readBigUInt64LE(at + 32);
    if (start + length > BigInt(head.length) || length === 0n) return null;
    return head.toString("latin1", Number(start), Number(start + length) - 1);
  }
  return null;
}
