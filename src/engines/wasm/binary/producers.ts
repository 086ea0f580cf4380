/**
 * Producers: the custom section in which tools leave their names
 * (tool-conventions/ProducersSection.md). Custom sections can't make a module invalid,
 * so what is damaged is left out.
 */
import { type ByteReader, Malformed } from "./byte-reader.ts";

const ENTRIES_MAX = 64;

/** "processed-by rustc 1.82.0", in the order of the section. */
export function readProducers(reader: ByteReader): string[] {
  const found: string[] = [];
  try {
    for (let fields = reader.u32("a number of fields"); fields > 0; fields--) {
      const field = reader.name("a field");
      for (let values = reader.u32("a number of values"); values > 0; values--) {
        found.push(`${field} ${reader.name("a tool")} ${reader.name("a version")}`.trimEnd());
        if (found.length === ENTRIES_MAX) return found;
      }
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  return found;
}
