/**
 * JSX to HTML, on the server only, after zigttp's rules: text is escaped,
 * `className` is `class`, event handlers are dropped, and everything else
 * (hx-*, data-*, aria-*) is written as given. `jsx`, `jsxs` and `jsxDEV` serve
 * bundles that use the automatic runtime.
 */

export type Component = (props: Record<string, unknown>) => unknown;

export const Fragment = Symbol.for("pilotlight.fragment");

/** One element: made by `h`, written by `renderToString`. */
class Element {
  readonly type: string | Component | typeof Fragment;
  readonly props: Readonly<Record<string, unknown>>;
  readonly children: readonly unknown[];

  constructor(type: Element["type"], props: Readonly<Record<string, unknown>>, children: readonly unknown[]) {
    this.type = type;
    this.props = props;
    this.children = children;
  }

  toString(): string {
    return renderToString(this);
  }
}

const VOID_TAGS = new Set("area,base,br,col,embed,hr,img,input,link,meta,param,source,track,wbr".split(","));
const RAW_TAGS = new Set(["script", "style"]);
const ATTRIBUTE_ALIASES: Readonly<Record<string, string>> = { className: "class", htmlFor: "for" };
/** What may be a tag or an attribute: a name with a space or ">" in it would end the tag. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters end a name as spaces do.
const NAME = /^[^\s"'<>/=\u0000-\u001f]+$/;
const UNITLESS_STYLES = new Set(
  "animationIterationCount,aspectRatio,columnCount,flex,flexGrow,flexShrink,fontWeight,gridColumn,gridRow,lineHeight,opacity,order,orphans,scale,tabSize,widows,zIndex,zoom".split(
    ",",
  ),
);

export function h(type: Element["type"], props: Record<string, unknown> | null, ...children: unknown[]): Element {
  if (typeof type !== "string" && typeof type !== "function" && type !== Fragment) {
    throw new TypeError("h: the type is neither a tag name, a component nor Fragment");
  }
  return new Element(type, props ?? {}, children);
}

/** The automatic runtime's form: children come as a property. */
export function jsx(type: Element["type"], props: Record<string, unknown>, key?: unknown): Element {
  const { children, ...rest } = props;
  return h(type, key === undefined ? rest : { ...rest, key }, ...(children === undefined ? [] : [children]));
}

export const jsxs = jsx;
export const jsxDEV = jsx;

export function renderToString(node: unknown): string {
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (typeof node === "string") return escapeText(node);
  if (Array.isArray(node)) {
    let html = "";
    for (const child of node) html += renderToString(child);
    return html;
  }
  if (!(node instanceof Element)) return escapeText(String(node));
  if (node.type === Fragment) return renderToString(node.children);
  if (typeof node.type === "function") {
    const { children } = node;
    const passed = children.length === 0 ? node.props : { ...node.props, children: children.length === 1 ? children[0] : children };
    return renderToString(node.type(passed));
  }
  return renderTag(node.type as string, node);
}

function renderTag(tag: string, { props, children }: Element): string {
  if (!NAME.test(tag)) throw new TypeError(`renderToString: ${JSON.stringify(tag)} is no tag name`);
  let html = `<${tag}`;
  for (const name of Object.keys(props)) html += renderAttribute(name, props[name]);
  if (VOID_TAGS.has(tag)) return `${html}>`;
  const content = RAW_TAGS.has(tag) ? rawText(children) : renderToString(children);
  return `${html}>${content}</${tag}>`;
}

function renderAttribute(name: string, value: unknown): string {
  // Functions can't cross to the browser, and a string there would be code from data.
  if (value === null || value === undefined || value === false || typeof value === "function") return "";
  if (name === "key" || name === "ref" || name === "children" || /^on/i.test(name)) return "";
  const attribute = ATTRIBUTE_ALIASES[name] ?? name;
  if (!NAME.test(attribute)) return "";
  if (value === true) return ` ${attribute}`;
  const text = name === "style" && typeof value === "object" ? styleText(value as Record<string, unknown>) : String(value);
  return ` ${attribute}="${escapeText(text)}"`;
}

function styleText(style: Record<string, unknown>): string {
  const declarations: string[] = [];
  for (const [property, value] of Object.entries(style)) {
    if (value === null || value === undefined || typeof value === "boolean" || value === "") continue;
    const name = property.startsWith("--") ? property : property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const unit = typeof value === "number" && value !== 0 && !property.startsWith("--") && !UNITLESS_STYLES.has(property) ? "px" : "";
    declarations.push(`${name}:${String(value)}${unit}`);
  }
  return declarations.join(";");
}

/** Children of script and style are code, which escaping would break. */
function rawText(children: readonly unknown[]): string {
  return children
    .flat(Number.POSITIVE_INFINITY)
    .filter((child) => child !== null && child !== undefined && typeof child !== "boolean")
    .join("");
}

function escapeText(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, entityOf) : text;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function entityOf(character: string): string {
  return ENTITIES[character] as string;
}
