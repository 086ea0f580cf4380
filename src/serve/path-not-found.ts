/**
 * Path not found: what `dev` says beyond the 404, to somebody who expected a
 * function there. Never made in `serve`, where routes are nobody's business.
 */
import { extname } from "node:path";
import type { FunctionRuntime } from "./function-runtime.ts";
import type { FunctionSpec } from "./function-spec.ts";
import type { Router } from "./router.ts";

/** Why the function that a part of this path belongs to does not answer it; null when there is none. */
export function hintBelow(path: string, router: Router<Pick<FunctionRuntime, "spec">>): string | null {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const match = router.match(path.slice(0, end));
    if (match !== null) return describe(match.target.spec);
  }
  return null;
}

function describe({ id, file, route }: FunctionSpec): string {
  const extension = extname(file);
  const stem = id.replace(/\/index$/, "");
  const isRoutedByFile = `/${stem.replace(/\[([^\]]+)\]/g, ":$1")}` === route;
  const wider = isRoutedByFile ? `${stem}/[...path]${extension}` : `route: ${route}/* in pilotlight.yaml`;
  return `${id}${extension} answers ${route} only; ${wider} would answer everything below`;
}
