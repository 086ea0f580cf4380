/**
 * The process of a ring, as its client is: connects to PILOTLIGHT_SOCKET, opens
 * PILOTLIGHT_RING and does what its first argument says. Told apart from an
 * honest one only by that.
 */
import { ftruncateSync, openSync } from "node:fs";
import { connect } from "node:net";
import { RingEnd } from "../../src/engines/process/ring/ring-end.ts";
import { openRingFile } from "../../src/engines/process/ring/ring-file.ts";
import { NO_ROOM } from "../../src/engines/process/ring/ring-producer.ts";

const path = process.env["PILOTLIGHT_RING"]!;
const connection = connect(process.env["PILOTLIGHT_SOCKET"]!);
connection.on("error", () => process.exit(1));

const ROLES: Readonly<Record<string, () => void>> = {
  /** Every message back as it came. */
  echo: () => {
    const opened = openRingFile(path);
    if (!opened.ok) throw new Error(opened.failure.message);
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
    const end = new RingEnd(opened.value.processSide(), connection, {
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
  /** Cuts the file short, by every way there is to it. */
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
