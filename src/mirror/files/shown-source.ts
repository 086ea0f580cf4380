/** Where an artifact comes from, as failures name it: links of an index may carry keys. */
import { shownAddress } from "../../base/shown-address.ts";
import type { Artifact } from "../artifact.ts";

export function shownSource({ source, filename }: Artifact): string {
  return source.kind === "index" ? shownAddress(source.url) : filename;
}
