/**
 * Pilotlight inside another program.
 *
 *     import { createServer } from "pilotlight";
 *
 *     const server = createServer({ path: "functions", port: 0 });
 *     const { url } = await server.start();
 *     console.log(await (await fetch(`${url}/hello`)).text());
 *     await server.stop();
 *
 * This file is the promise: what it exports changes only with a major version.
 */
export type { Failure } from "./base/result.ts";
export type { Context, Environment, Handler } from "./config/handler-types.ts";
export { defineConfig, type FunctionOptions, type ServerOptions } from "./config/options.ts";
export type { FunctionStats, ServerStats, WorkerStats } from "./serve/operator.ts";
export { createServer, type Server, type ServerAddresses, type ServerHooks } from "./serve/server.ts";
export { PilotlightError } from "./serve/server-error.ts";
