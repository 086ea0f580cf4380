/**
 * Small files: the content of what is asked for most (metadata, little wheels)
 * in memory, by its SHA-256. An installer that resolves reads hundreds of them;
 * from here each costs neither an open file nor a thread.
 */
import { RecentMap } from "../../base/recent-map.ts";
import { KIB, MIB } from "../../base/units.ts";

export const SMALL_FILE_MAX_BYTES = 128 * KIB;
const HELD_MAX_BYTES = 16 * MIB;

export class SmallFiles extends RecentMap<string, Uint8Array> {
  constructor() {
    super({ weightMax: HELD_MAX_BYTES, weigh: (bytes) => bytes.length });
  }
}
