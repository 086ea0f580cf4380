/**
 * Every request on a line of its own, in the order they were due:
 * `request_id,latency_us,start_us,status`. Latency counts from the intended
 * send time; status 0 is a request without an answer. Written in pieces, as
 * fast as the other side takes them: a long run has millions of lines.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { fail, ok, type Result } from "../../base/result.ts";
import type { LoadResult, RequestSamples } from "../load/result.ts";
import { writeFailure, writeOutputFile } from "./output-file.ts";

const HEAD = "request_id,latency_us,start_us,status\n";
const LINES_PER_PIECE = 4_096;

/** To a file (whole or not at all), or to a stream, which is left open. */
export async function writeCsv(result: LoadResult, destination: string | Writable): Promise<Result<void>> {
  if (result.samples === null) {
    return fail({
      code: "SAMPLES_NOT_KEPT",
      message: "Cannot write the requests as CSV: this run kept no line for each request",
      hint: "Run it again with the CSV asked for from the start",
    });
  }
  const pieces = csvPieces(result.samples);
  return typeof destination === "string" ? writeOutputFile(destination, pieces) : writeToStream(destination, pieces);
}

function* csvPieces({ startUs, latencyUs, status }: RequestSamples): Generator<string> {
  yield HEAD;
  for (let from = 0; from < startUs.length; from += LINES_PER_PIECE) {
    const to = Math.min(from + LINES_PER_PIECE, startUs.length);
    let piece = "";
    for (let index = from; index < to; index++) {
      piece += `${index + 1},${Math.round(latencyUs[index]!)},${Math.round(startUs[index]!)},${status[index]}\n`;
    }
    yield piece;
  }
}

async function writeToStream(stream: Writable, pieces: Iterable<string>): Promise<Result<void>> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const onError = (error: Error) => failed.reject(error);
  const onClose = () => failed.reject(Object.assign(new Error("closed"), { code: "EPIPE" }));
  stream.on("error", onError).on("close", onClose);
  try {
    for (const piece of pieces) {
      if (stream.destroyed) onClose();
      else if (stream.write(piece)) continue;
      await Promise.race([once(stream, "drain"), failed.promise]);
    }
    // The last piece may still be on its way: its failure is ours.
    await Promise.race([new Promise<void>((resolve) => stream.write("", () => resolve())), failed.promise]);
    return ok(undefined);
  } catch (error) {
    return fail(writeFailure("the CSV", (error as NodeJS.ErrnoException).code ?? String(error)));
  } finally {
    stream.off("error", onError).off("close", onClose);
  }
}
