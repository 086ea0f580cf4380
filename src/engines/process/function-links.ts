/** Links to the instances of one function, of the kind that each has said it wants. */
import { fail, ok, type Result } from "../../base/result.ts";
import type { ContractName } from "../../config/config.ts";
import { type Call, type EngineSource, UNLIMITED_BYTES } from "../engine.ts";
import type { Hello, LaunchedProcess, LaunchFailure } from "./launch/launched.ts";
import { openFrameLink } from "./links/frame-link.ts";
import { HttpLink } from "./links/http-link.ts";
import type { Link } from "./links/link.ts";
import { openRingLink } from "./links/ring-link.ts";
import { stdioEnvironment } from "./links/stdio-environment.ts";
import { StdioLink, type StdioLinkOptions } from "./links/stdio-link.ts";
import type { OutputForm } from "./links/stdio-output.ts";
import type { LinkMaker } from "./pool/pool-parts.ts";

const LOOPBACK = "127.0.0.1";

/** Output without a head is the body: what WebAssembly calls a command. */
const FORM_OF: Readonly<Record<ContractName, OutputForm>> = { cgi: "cgi", command: "plain", gojinn: "auto" };

export type LinkSource = Pick<EngineSource, "functionId" | "contract" | "outputMaxBytes">;

export class FunctionLinks implements LinkMaker {
  readonly #functionId: string;
  readonly #oneShot: StdioLinkOptions;

  constructor({ functionId, contract, outputMaxBytes }: LinkSource) {
    this.#functionId = functionId;
    const isLimited = outputMaxBytes !== UNLIMITED_BYTES;
    this.#oneShot = {
      functionId,
      form: contract === null ? "auto" : FORM_OF[contract],
      outputMaxBytes: isLimited ? outputMaxBytes : null,
    };
  }

  open(process: LaunchedProcess, { way, connection }: Hello): Result<Link, LaunchFailure> {
    const functionId = this.#functionId;
    if (way === "http") return ok(new HttpLink({ functionId, target: { host: LOOPBACK, port: process.port } }));
    if (way === "fork") return this.#refuse("said that it forks instances, and was not asked to");
    if (connection === null) return this.#refuse("left the connection that it is to be called by");
    if (way === "frames") return ok(openFrameLink(connection, { functionId }));
    return process.ring === null
      ? this.#refuse("wants to be called by a ring, and has none")
      : ok(openRingLink(process.ring, connection, { functionId }));
  }

  oneShot(process: LaunchedProcess): Link {
    return new StdioLink(process, this.#oneShot);
  }

  environmentOf(call: Call): Readonly<Record<string, string>> {
    return stdioEnvironment(call);
  }

  #refuse(what: string): Result<never, LaunchFailure> {
    return fail({ code: "BAD_READY", message: `${this.#functionId} ${what}` });
  }
}
