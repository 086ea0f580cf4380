/**
 * HTML of a simple index, read by the rules of the HTML standard: parse5's
 * tokenizer, and of tree construction only what decides where tags are tags
 * (no anchors inside <script>, <style>, <title>). Without the tree a page
 * costs no memory beyond its anchors, which matters for 600,000 of them: a tag
 * or a text that does not end is no index's, and is given up.
 * It must not judge: what an anchor means is the callers' business.
 */
import { createRequire } from "node:module";
import type { Token, TokenHandler, Tokenizer } from "parse5";
import { KIB } from "../../base/units.ts";
import { readSerial } from "./fields.ts";

/** Names in lower case, entities decoded. */
export type Attributes = readonly { readonly name: string; readonly value: string }[];

export interface HtmlFacts {
  /** <meta name content> of the index ("pypi:…"), in the order of the page. */
  readonly metas: (readonly [name: string, content: string])[];
  /** Of the first <base href>. */
  baseHref: string | null;
  /** Of the comment "SERIAL n", as the HTML form of `_last-serial`. */
  lastSerial: number | null;
  /** What the title and the first headings say. */
  headings: string;
  /** Text outside of them. */
  hasText: boolean;
  hasTags: boolean;
  /** One tag, comment or text was too long: the rest of the page was not read. */
  isEndless: boolean;
  /** Asks for something or goes elsewhere by itself: a form, a script, a refresh. */
  isInteractive: boolean;
}

const TEXT_MAX_LENGTH = 1024;
/** What the tokenizer gets at once. */
const PIECE_LENGTH = 64 * KIB;
/** The tokenizer joins what it is in the middle of from pieces as small as a character, each of them 32 bytes. */
const TOKEN_MAX_LENGTH = 256 * KIB;
/** Of an anchor; the standard ones come to a dozen. */
const ATTRIBUTES_MAX = 64;
const SERIAL = /^\s*SERIAL\s+(\d{1,16})\s*$/;
const INDEX_HEADING = /\b(?:links for|index of|simple (?:package )?(?:index|repository)|directory listing for)\b/i;

export function attributeOf(attributes: Attributes, name: string): string | null {
  for (const attribute of attributes) if (attribute.name === name) return attribute.value;
  return null;
}

/** `onAnchor` gets every <a> and the text in it. Never throws. */
export function readIndexHtml(html: string, onAnchor: (attributes: Attributes, text: string) => void): HtmlFacts {
  const reader = new IndexReader(onAnchor);
  reader.read(html);
  return reader.facts;
}

/**
 * Is a page without any entry an index all the same? One that isn't (a login
 * page, a portal's greeting, an application's shell) answers 200, too, and
 * must not replace the page that is kept: it takes a sign of an index.
 */
export function isIndexPage(facts: HtmlFacts): boolean {
  if (facts.metas.length > 0 || facts.lastSerial !== null) return true;
  if (facts.isInteractive || !facts.hasTags) return false;
  return INDEX_HEADING.test(facts.headings) || (!facts.hasText && facts.headings.trim() === "");
}

/** Content models of elements whose content is text, whatever tags are in it. */
const TEXT_ELEMENTS: ReadonlyMap<string, "RCDATA" | "RAWTEXT" | "SCRIPT_DATA" | "PLAINTEXT"> = new Map([
  ["title", "RCDATA"],
  ["textarea", "RCDATA"],
  ["style", "RAWTEXT"],
  ["xmp", "RAWTEXT"],
  ["iframe", "RAWTEXT"],
  ["noembed", "RAWTEXT"],
  ["noframes", "RAWTEXT"],
  ["script", "SCRIPT_DATA"],
  ["plaintext", "PLAINTEXT"],
]);

/** Loaded with the first HTML page: most upstreams speak JSON. Its tokenizer is internal, so its version is pinned. */
let parse5: typeof import("parse5") | null = null;

class IndexReader implements TokenHandler {
  readonly facts: HtmlFacts = {
    metas: [],
    baseHref: null,
    lastSerial: null,
    headings: "",
    hasText: false,
    hasTags: false,
    isEndless: false,
    isInteractive: false,
  };
  readonly #onAnchor: (attributes: Attributes, text: string) => void;
  readonly #parse5: typeof import("parse5");
  readonly #tokenizer: Tokenizer;
  #anchor: Attributes | null = null;
  #anchorText = "";
  #inHeading = false;
  /** Did the tokenizer tell of anything in this piece, and where did it do so last? */
  #isTold = false;
  #toldAt = 0;
  /** The element whose content is no text of the page, or "". */
  #unseen = "";
  /** Inside <svg> and <math> a <title> or <style> is an element like others. */
  #foreignDepth = 0;

  constructor(onAnchor: (attributes: Attributes, text: string) => void) {
    this.#onAnchor = onAnchor;
    parse5 ??= createRequire(import.meta.filename)("parse5") as typeof import("parse5");
    this.#parse5 = parse5;
    this.#tokenizer = new parse5.Tokenizer({ sourceCodeLocationInfo: false }, this);
  }

  read(html: string): void {
    for (let at = 0; at < html.length; at += PIECE_LENGTH) {
      const end = at + PIECE_LENGTH;
      this.#tokenizer.write(html.slice(at, end), end >= html.length);
      if (this.#isTold) this.#toldAt = end;
      this.#isTold = false;
      if (end - this.#toldAt > TOKEN_MAX_LENGTH) {
        this.facts.isEndless = true;
        return;
      }
    }
    this.#endAnchor();
  }

  onStartTag({ tagName, attrs, selfClosing }: Token.TagToken): void {
    this.#isTold = true;
    this.facts.hasTags = true;
    switch (tagName) {
      case "a":
        // An anchor ends where the next begins, with or without its end tag.
        this.#endAnchor();
        this.#anchor = attrs.slice(0, ATTRIBUTES_MAX);
        for (const { value } of this.#anchor) flatten(value);
        break;
      case "base":
        this.facts.baseHref ??= attributeOf(attrs, "href");
        break;
      case "meta":
        this.#readMeta(attrs);
        break;
      case "form":
      case "script":
        this.facts.isInteractive = true;
        break;
      case "title":
      case "h1":
      case "h2":
        this.#inHeading = true;
        break;
      case "svg":
      case "math":
        if (!selfClosing) this.#foreignDepth++;
        break;
    }
    const content = this.#foreignDepth === 0 ? TEXT_ELEMENTS.get(tagName) : undefined;
    if (content === undefined) return;
    this.#tokenizer.state = this.#parse5.TokenizerMode[content];
    if (content !== "RCDATA") this.#unseen = tagName;
  }

  onEndTag({ tagName }: Token.TagToken): void {
    this.#isTold = true;
    if (tagName === this.#unseen) this.#unseen = "";
    if (tagName === "a") this.#endAnchor();
    else if (tagName === "title" || tagName === "h1" || tagName === "h2") this.#inHeading = false;
    else if ((tagName === "svg" || tagName === "math") && this.#foreignDepth > 0) this.#foreignDepth--;
  }

  onCharacter({ chars }: Token.CharacterToken): void {
    this.#isTold = true;
    if (this.#unseen !== "") return;
    if (!this.#inHeading) this.facts.hasText = true;
    this.#addText(chars);
  }

  onWhitespaceCharacter({ chars }: Token.CharacterToken): void {
    this.#isTold = true;
    if (this.#unseen === "") this.#addText(chars);
  }

  onComment({ data }: Token.CommentToken): void {
    this.#isTold = true;
    const serial = SERIAL.exec(data)?.[1];
    if (serial !== undefined) this.facts.lastSerial ??= readSerial(Number(serial));
  }

  onNullCharacter(): void {
    this.#isTold = true;
  }
  onDoctype(): void {}
  onEof(): void {}

  #addText(chars: string): void {
    if (this.#anchor !== null && this.#anchorText.length < TEXT_MAX_LENGTH) this.#anchorText += chars;
    if (this.#inHeading && this.facts.headings.length < TEXT_MAX_LENGTH) this.facts.headings += chars;
  }

  #endAnchor(): void {
    if (this.#anchor === null) return;
    this.#onAnchor(this.#anchor, this.#anchorText);
    this.#anchor = null;
    this.#anchorText = "";
  }

  #readMeta(attributes: Attributes): void {
    const name = attributeOf(attributes, "name")?.trim().toLowerCase();
    if (name?.startsWith("pypi:")) this.facts.metas.push([name, attributeOf(attributes, "content") ?? ""]);
    if (attributeOf(attributes, "http-equiv")?.trim().toLowerCase() === "refresh") this.facts.isInteractive = true;
  }
}

/** A value with entities is a chain of its pieces; looked into, it becomes one string, and the chain goes. */
function flatten(value: string): void {
  value.charCodeAt(0);
}
