/**
 * Entry of the process in which `pilotlight replay` runs a recorded module:
 * hostile code, from a file that may be anybody's, so not in the process that
 * has the user's terminal. Takes the recording on its standard input and leaves
 * what became of it on its standard output.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { guestScript } from "../engines/javascript/guest-script.ts";
import type { Recording } from "../engines/wasm/recording/recording.ts";
import { type Replayed, replayRun } from "../engines/wasm/recording/replay-run.ts";

export interface ReplayJob {
  readonly recording: Recording;
  readonly moduleFile: string;
}

/** `failed`: it could not be run at all. */
export type ReplayReport = Replayed | { readonly failed: string };

const STDIN = 0;

async function report(): Promise<ReplayReport> {
  try {
    const { recording, moduleFile } = JSON.parse(readFileSync(STDIN, "utf8")) as ReplayJob;
    // Not in a folder that others may write to: the script decides what a guest may do.
    const script = await guestScript("wasi", join(userInfo().homedir, ".cache", "pilotlight"));
    return await replayRun(recording, readFileSync(moduleFile), script.code);
  } catch (error) {
    return { failed: (error as Error).message };
  }
}

void report().then((told) => {
  process.stdout.write(JSON.stringify(told), () => {
    // Not by a return: V8 may wait for ever for its compilers of WebAssembly when it is taken down in order (14.6).
    (process as unknown as { reallyExit(code: number): never }).reallyExit(0);
  });
});
