/**
 * PilotlightError: how createServer reports an expected failure to an embedder,
 * who expects exceptions. Carries the first failure's code and hint, and all.
 */
import type { Failure } from "../base/result.ts";

export class PilotlightError extends Error {
  override readonly name = "PilotlightError";
  /** Stable and public, such as PORT_IN_USE. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly failures: readonly Failure[];

  constructor(failures: readonly Failure[]) {
    super(failures.map(({ message }) => message).join("\n"));
    this.code = failures[0]?.code ?? "UNKNOWN";
    this.hint = failures[0]?.hint;
    this.failures = failures;
  }
}
