/**
 * Types for authors of functions: what a handler is called with and may
 * return. The values are the guest's (guest/dispatch.ts); nothing here exists
 * when a function runs, so import it with `import type`.
 */

/** The third argument of a handler. */
export interface Context {
  /** What `[id]` and `[...path]` in the file's name have matched. */
  readonly params: Readonly<Record<string, string>>;
  /** Keeps the function working on this after the answer is sent. */
  waitUntil(promise: Promise<unknown>): void;
  /** Does nothing; handlers written for Workers call it. */
  passThroughOnException(): void;
}

/** The variables and secrets that pilotlight.yaml gives the function, unless it names its own `Env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A handler: a default export, its `fetch`, or an export named after a method.
 *
 *     import type { Handler } from "pilotlight";
 *
 *     export const GET: Handler = (request, env, { params }) => new Response(`user ${params.id}`);
 */
export type Handler<Env = Environment> = (request: Request, env: Env, context: Context) => Response | string | Promise<Response | string>;
