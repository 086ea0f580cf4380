/**
 * Prelude: everything a function finds in its global scope, assembled for the
 * heap snapshot. Runs once, when the snapshot is made, with no host to talk
 * to: nothing here may call the bridge. `__pilotlight_boot` is the one door the
 * host opens afterwards; it removes itself.
 */
import { console } from "./console.ts";
import { boot } from "./dispatch.ts";
import { Headers } from "./headers.ts";
import { Request } from "./request.ts";
import { Response } from "./response.ts";
import { clearTimeout, setImmediate, setInterval, setTimeout } from "./timers.ts";
import { installWeb } from "./web.ts";

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

installWeb();
define("Headers", Headers);
define("Request", Request);
define("Response", Response);
define("console", console);
define("setTimeout", setTimeout);
define("setInterval", setInterval);
define("setImmediate", setImmediate);
define("clearTimeout", clearTimeout);
define("clearInterval", clearTimeout);
define("clearImmediate", clearTimeout);
define("self", globalThis);

define("__pilotlight_boot", (...args: Parameters<typeof boot>) => {
  Reflect.deleteProperty(globalThis, "__pilotlight_boot");
  return boot(...args);
});
