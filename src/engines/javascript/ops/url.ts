/**
 * URL operations: the WHATWG parser is Node's. Hrefs cross as strings: a
 * serialised URL splits into its components without a parser (guest/url.ts).
 */
import { requireOneOf, requireString } from "./arguments.ts";
import type { SyncOp } from "./op.ts";

const URL_LENGTH_MAX = 2 * 1024 * 1024;

const SETTABLE = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;

/** The href of `input` against `base`, or null when it is no URL. */
const parse: SyncOp = (_context, input, base) => {
  const text = requireString(input, "url", URL_LENGTH_MAX);
  const against = base === undefined ? undefined : requireString(base, "base", URL_LENGTH_MAX);
  return URL.parse(text, against)?.href ?? null;
};

/** The href after assigning to one component. */
const set: SyncOp = (_context, href, component, value) => {
  const url = URL.parse(requireString(href, "href", URL_LENGTH_MAX));
  if (url === null) return null;
  url[requireOneOf(component, "component", SETTABLE)] = requireString(value, "value", URL_LENGTH_MAX);
  return url.href;
};

export const urlSyncOps: readonly (readonly [string, SyncOp])[] = [
  ["url.parse", parse],
  ["url.set", set],
];
