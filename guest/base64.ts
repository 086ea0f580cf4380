/**
 * atob and btoa of the HTML standard: the forgiving base64 of strings whose
 * characters are bytes.
 */
import { DOMException } from "./dom-exception.ts";

const CHUNK = 8 * 1024;

export function btoa(text: unknown): string {
  const source = String(text);
  const bytes = new Uint8Array(source.length);
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code > 0xff) throw new DOMException("btoa: the string has a character above U+00FF", "InvalidCharacterError");
    bytes[at] = code;
  }
  return bytes.toBase64();
}

export function atob(text: unknown): string {
  // Forgiving decode: ASCII whitespace anywhere, padding only where it completes a group of four.
  let source = String(text).replace(/[\t\n\f\r ]+/g, "");
  if (source.length % 4 === 0) source = source.replace(/={1,2}$/, "");
  if (source.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(source)) {
    throw new DOMException("atob: the string is not correctly encoded", "InvalidCharacterError");
  }
  return latin1(Uint8Array.fromBase64(source, { lastChunkHandling: "loose" }));
}

/** Each byte as the character of that number. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}
