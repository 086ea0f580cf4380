/** A function's entry in the router: made by workers too, which load nothing of how deployments are made. */
import type { FunctionSpec } from "./function-spec.ts";
import { idOf, restNameOf } from "./route-pattern.ts";
import type { Route } from "./router.ts";

export function functionRoute<Target>(spec: FunctionSpec, target: Target): Route<Target> {
  return { route: spec.route, restName: restNameOf(idOf(spec.file)) ?? restNameOf(spec.id) ?? "*", target };
}
