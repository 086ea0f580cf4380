/**
 * The process of a ring, as its client is: connects to PILOTLIGHT_SOCKET, opens
 * PILOTLIGHT_RING and does what its first argument says. Told apart from an
 * honest one only by that.
 */
import { fstatSync, ftruncateSync, openSync } from "node:fs";
import { connect } from "node:net";
import { openLibc } from "../../src/base/libc.ts";
import { RingEnd } from "../../src/engines/process/ring/ring-end.ts";
import { openRingFile, type RingFile } from "../../src/engines/process/ring/ring-file.ts";
import { NO_ROOM } from "../../src/engines/process/ring/ring-producer.ts";
import { openSharedMemory } from "../../src/engines/process/ring/shared-memory.ts";
import { bytesOf } from "./ring-memory.ts";

const path = process.env["PILOTLIGHT_RING"]!;
const connection = connect(process.env["PILOTLIGHT_SOCKET"]!);
connection.on("error", () => process.exit(1));

function opened(): RingFile {
  const file = openRingFile(path);
  if (!file.ok) throw new Error(file.failure.message);
  return file.value;
}

const ROLES: Readonly<Record<string, () => void>> = {
  /** Every message back as it came. */
  echo: () => {
    const waiting: Buffer[] = [];
    const sendMore = (): void => {
      for (let message = waiting[0]; message !== undefined; message = waiting[0]) {
        const at = end.reserve(message.length);
        if (at === NO_ROOM) return;
        message.copy(end.into, at);
        end.commit();
        waiting.shift();
      }
    };
    const end = new RingEnd(opened().processSide(), connection, {
      message: (message) => {
        waiting.push(message);
        sendMore();
      },
      room: sendMore,
      broken: ({ message }) => {
        throw new Error(message);
      },
    });
    connection.write("READY ring/1 1\n");
    connection.on("end", () => process.exit(0));
  },
  /** Messages without end, until it is killed in the middle of one. */
  flood: () => {
    const { producer } = opened().processSide();
    connection.write("!", () => {
      for (let count = 0; ; ) if (producer.write(bytesOf(count % 20_000, count))) count++;
    });
  },
  /** Whatever comes to its mind, everywhere in the file, until it is killed. */
  scribble: () => {
    const shared = openSharedMemory(path);
    if (!shared.ok) throw new Error(shared.failure.message);
    const words = new Int32Array(shared.value.memory);
    connection.write("!", () => {
      for (let at = 0; ; at = (at + 1_013) % words.length) words[at] = Math.random() * 2 ** 32;
    });
  },
  /** Gives the pages of the file back to the kernel: sealed against shrinking, it can still have holes. */
  punch: () => {
    const fd = openSync(path, "r+");
    const { calls } = openLibc({ fallocate: { return: "int32", arguments: ["int32", "int32", "int64", "int64"] } });
    const KEEP_SIZE_PUNCH_HOLE = 3;
    connection.end(String(calls.fallocate(fd, KEEP_SIZE_PUNCH_HOLE, 0n, BigInt(fstatSync(fd).size))));
  },
  /** Cuts the file short. */
  truncate: () => {
    let told = "";
    try {
      ftruncateSync(openSync(path, "r+"), 0);
      told = "truncated";
    } catch (error) {
      told = (error as NodeJS.ErrnoException).code ?? String(error);
    }
    connection.end(told);
  },
};

ROLES[process.argv[2]!]!();
