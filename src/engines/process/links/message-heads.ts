/**
 * Heads of messages: a request's as the protocol wants it (names in lower case,
 * lines that belong to one connection left out, RFC 9110 section 7.6.1), and
 * the header lines of an answer as the exchange wants them. A client repeats
 * its headers and a function its own, so the last of each is kept: comparing
 * costs some 20 ns where rewriting costs a microsecond. Must not look at
 * bodies; lines that frame an answer are the exchange's to drop.
 */
import { headerPairs, hopByHopNames, valuesOf } from "../../../http/hop-by-hop.ts";
import { responsePrefix } from "../../../http/response-head.ts";
import type { Call } from "../../engine.ts";

/** Ours to set, whoever else has; and an expectation was ours to meet. */
const LEFT_OUT: ReadonlySet<string> = new Set(["x-request-id", "x-pilotlight-params", "expect"]);
const TOLD_MAX_CHARS = 80;

export class RequestHeads {
  #block = "";
  #lines = "";

  /** As many characters as bytes: all are latin-1. */
  of(call: Call): string {
    const { exchange, params } = call;
    if (exchange.headerBlock !== this.#block) {
      this.#lines = messageLines(exchange.headerBlock);
      this.#block = exchange.headerBlock;
    }
    const head = `${exchange.method} ${exchange.target}\n${this.#lines}x-request-id: ${call.requestId}\n`;
    return params === null ? head : `${head}x-pilotlight-params: ${asciiJson(params)}\n`;
  }
}

function messageLines(block: string): string {
  const pairs = headerPairs(block);
  const dropped = hopByHopNames(valuesOf(pairs, "connection"));
  let lines = "";
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    if (!dropped.has(key) && !LEFT_OUT.has(key)) lines += `${key}: ${value}\n`;
  }
  return lines;
}

/** Decoded parameters hold any character; a header line holds latin-1. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\x7f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export class AnswerHeads {
  #head = "";
  #lines = "";

  /** "name: value\r\n" lines, not checked yet. */
  of(head: string): string {
    if (head !== this.#head) {
      this.#lines = head.replaceAll("\n", "\r\n");
      this.#head = head;
    }
    return this.#lines;
  }
}

/**
 * Why an answer can't begin like this; null when it can. Free for a function
 * that says the same again: the exchange asks the same question next.
 */
export function answerFault(status: number, headerLines: string): string | null {
  if (responsePrefix(status, headerLines) !== null) return null;
  if (status < 200 || status > 599) return `its status is ${status}, not a number from 200 to 599`;
  for (const line of headerLines.split("\r\n")) {
    if (line !== "" && responsePrefix(status, `${line}\r\n`) === null)
      return `${JSON.stringify(line.slice(0, TOLD_MAX_CHARS))} is no header line`;
  }
  return "its header lines are too long, have an empty line among them, or the last has no end";
}
