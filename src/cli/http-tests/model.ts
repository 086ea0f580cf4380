/**
 * What a .http file says: requests and expectations. The format is described
 * in docs/http-tests.md; parse.ts reads it, expect.ts judges by it.
 */
export interface HttpTest {
  readonly name: string;
  /** Line of the request line, from 1. */
  readonly line: number;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: RequestBodySource | null;
  readonly expectations: readonly Expectation[];
}

export type RequestBodySource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string; readonly line: number };

export type Subject =
  | { readonly kind: "status" | "body" | "length" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "json"; readonly path: string; readonly steps: readonly (string | number)[] };

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "matches" | "exists" | "missing";

export interface Expectation {
  readonly line: number;
  /** As written, for the report. */
  readonly text: string;
  readonly subject: Subject;
  readonly operator: Operator;
  /** Text, or the parsed JSON or number or pattern the operator needs; undefined for exists and missing. */
  readonly operand: unknown;
}
