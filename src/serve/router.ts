/**
 * Router: the function that owns a path. Hot path, once per request: a path
 * without parameters is one Map look-up and allocates nothing. Pure.
 * Most specific wins, segment by segment: static, then parameter, then rest.
 * "/a/" falls back to "/a"; "/files/*" also owns "/files".
 */
import { assert } from "../base/assert.ts";
import { decodeSegment, parsePattern, patternFault } from "./route-pattern.ts";

export interface Route<Value> {
  /** "/api/users/:id", "/files/*". */
  readonly route: string;
  /** Parameter that takes what `*` matches; "*" unless the file named it ([...path]). */
  readonly restName?: string;
  readonly value: Value;
}

export interface Match<Value> {
  readonly value: Value;
  /** Percent-decoded; null when the route has none, "malformed" when one is not valid percent-encoding: answer 400. */
  readonly params: Readonly<Record<string, string>> | null | "malformed";
}

export interface Router<Value> {
  /** `path` as sent, without the query. */
  match(path: string): Match<Value> | null;
}

interface Node<Value> {
  readonly statics: Map<string, Node<Value>>;
  param: Node<Value> | null;
  end: Leaf<Value> | null;
  rest: Leaf<Value> | null;
}

interface Leaf<Value> {
  /** Names of the parameters, the rest included, in the order of the path. */
  readonly names: readonly string[];
  readonly value: Value;
  /** What a path without parameters gets: made once. */
  readonly match: Match<Value>;
}

/**
 * Invalid routes are left out, and of two with one shape the first counts:
 * deployment.ts has marked those functions, so whichever is found answers why.
 */
export function createRouter<Value>(routes: readonly Route<Value>[]): Router<Value> {
  const exact = new Map<string, Match<Value>>();
  const root = emptyNode<Value>();
  for (const route of routes) {
    if (patternFault(route.route) !== null) continue;
    const leaf = insert(root, route);
    if (leaf.names.length === 0) exact.set(route.route, leaf.match);
  }
  return { match: (path) => exact.get(path) ?? search(root, path) };
}

function emptyNode<Value>(): Node<Value> {
  return { statics: new Map(), param: null, end: null, rest: null };
}

/** The leaf that owns the route's shape from now on. */
function insert<Value>(root: Node<Value>, route: Route<Value>): Leaf<Value> {
  let node = root;
  const names: string[] = [];
  for (const segment of parsePattern(route.route)) {
    if (segment.kind === "rest") {
      node.rest ??= leafOf(route.value, [...names, route.restName ?? "*"]);
      return node.rest;
    }
    if (segment.kind === "param") {
      names.push(segment.name);
      node.param ??= emptyNode();
      node = node.param;
      continue;
    }
    const child = node.statics.get(segment.text) ?? emptyNode();
    node.statics.set(segment.text, child);
    node = child;
  }
  node.end ??= leafOf(route.value, names);
  return node.end;
}

function leafOf<Value>(value: Value, names: readonly string[]): Leaf<Value> {
  return { names, value, match: Object.freeze({ value, params: null }) };
}

function search<Value>(root: Node<Value>, path: string): Match<Value> | null {
  if (!path.startsWith("/")) return null;
  const raw = path.slice(1).split("/");
  const values: string[] = [];
  const leaf = walk(root, raw, 0, values);
  return leaf === null ? null : matchOf(leaf, values);
}

/**
 * Each node of the tree is reached by one way only, so the search visits at
 * most all nodes, however the path was chosen. `values` collects raw texts.
 */
function walk<Value>(node: Node<Value>, raw: readonly string[], index: number, values: string[]): Leaf<Value> | null {
  const text = raw[index];
  const isEnd = text === undefined || (text === "" && index === raw.length - 1);
  if (isEnd && node.end !== null) return node.end;
  if (text !== undefined && text !== "") {
    const child = node.statics.get(decodeSegment(text) ?? text);
    const found = child === undefined ? null : walk(child, raw, index + 1, values);
    if (found !== null) return found;
    if (node.param !== null) {
      values.push(text);
      const below = walk(node.param, raw, index + 1, values);
      if (below !== null) return below;
      values.pop();
    }
  }
  if (node.rest === null) return null;
  values.push(raw.slice(index).join("/"));
  return node.rest;
}

function matchOf<Value>(leaf: Leaf<Value>, values: readonly string[]): Match<Value> {
  const { names, value } = leaf;
  assert(values.length === names.length, "a match lost a parameter");
  if (names.length === 0) return leaf.match;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const text = decodeSegment(values[index]!);
    if (text === null) return { value, params: "malformed" };
    params[name] = text;
  }
  return { value, params };
}
