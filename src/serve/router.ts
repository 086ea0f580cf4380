/**
 * Router: the function that owns a path. Hot path, once per request: a path
 * without parameters is one Map look-up and allocates nothing. Pure.
 * Most specific wins, segment by segment: static, then parameter, then rest.
 * "/a/" falls back to "/a"; "/files/*" also owns "/files".
 */
import { assert } from "../base/assert.ts";
import { decodeSegment, parsePattern, patternFault } from "./route-pattern.ts";

export interface Route<Target> {
  /** "/api/users/:id", "/files/*". */
  readonly route: string;
  /** Parameter that takes what `*` matches; "*" unless the file named it ([...path]). */
  readonly restName?: string;
  readonly target: Target;
}

export interface Match<Target> {
  readonly target: Target;
  /** Percent-decoded, NO_PARAMS when the route has none; null when one is not valid percent-encoding: answer 400. */
  readonly params: Readonly<Record<string, string>> | null;
}

export const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

export interface Router<Target> {
  /** `path` as sent, without the query. */
  match(path: string): Match<Target> | null;
}

interface Node<Target> {
  readonly statics: Map<string, Node<Target>>;
  param: Node<Target> | null;
  end: Leaf<Target> | null;
  rest: Leaf<Target> | null;
}

interface Leaf<Target> {
  /** Names of the parameters, the rest included, in the order of the path. */
  readonly names: readonly string[];
  readonly target: Target;
  /** What a path without parameters gets: made once. */
  readonly match: Match<Target>;
}

/**
 * Invalid routes are left out, and of two with one shape the first counts:
 * deployment.ts has marked those functions, so whichever is found answers why.
 */
export function createRouter<Target>(routes: readonly Route<Target>[]): Router<Target> {
  const exact = new Map<string, Match<Target>>();
  const root = emptyNode<Target>();
  for (const route of routes) {
    if (patternFault(route.route) !== null) continue;
    const leaf = insert(root, route);
    if (leaf.names.length === 0) exact.set(route.route, leaf.match);
  }
  return { match: (path) => exact.get(path) ?? search(root, path) };
}

function emptyNode<Target>(): Node<Target> {
  return { statics: new Map(), param: null, end: null, rest: null };
}

/** The leaf that owns the route's shape from now on. */
function insert<Target>(root: Node<Target>, route: Route<Target>): Leaf<Target> {
  let node = root;
  const names: string[] = [];
  for (const segment of parsePattern(route.route)) {
    if (segment.kind === "rest") {
      node.rest ??= leafOf(route.target, [...names, route.restName ?? "*"]);
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
  node.end ??= leafOf(route.target, names);
  return node.end;
}

function leafOf<Target>(target: Target, names: readonly string[]): Leaf<Target> {
  return { names, target, match: Object.freeze({ target, params: NO_PARAMS }) };
}

function search<Target>(root: Node<Target>, path: string): Match<Target> | null {
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
function walk<Target>(node: Node<Target>, raw: readonly string[], index: number, values: string[]): Leaf<Target> | null {
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

function matchOf<Target>(leaf: Leaf<Target>, values: readonly string[]): Match<Target> {
  const { names, target } = leaf;
  assert(values.length === names.length, "a match lost a parameter");
  if (names.length === 0) return leaf.match;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const text = decodeSegment(values[index]!);
    if (text === null) return { target, params: null };
    params[name] = text;
  }
  return { target, params };
}
