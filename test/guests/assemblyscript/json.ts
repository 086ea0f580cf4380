/**
 * JSON for guests in AssemblyScript, as little as they need: a member of an
 * object as the text that it is there, a string's text, and strings written out.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANKS = " \t\r\n";

/** The value's own text; null when the object has no such member or is no object. */
export function member(object: string, name: string): string | null {
  let at = blank(object, 0);
  if (at >= object.length || object.charAt(at) != "{") return null;
  at = blank(object, at + 1);
  while (at < object.length && object.charCodeAt(at) == QUOTE) {
    const keyEnd = stringEnd(object, at);
    if (keyEnd < 0) return null;
    const key = object.substring(at + 1, keyEnd - 1);
    at = blank(object, keyEnd);
    if (object.charAt(at) != ":") return null;
    at = blank(object, at + 1);
    const end = valueEnd(object, at);
    if (end < 0) return null;
    if (key == name) return object.substring(at, end);
    at = blank(object, end);
    if (object.charAt(at) != ",") return null;
    at = blank(object, at + 1);
  }
  return null;
}

/** The text of a string value; null when it is none. */
export function text(value: string | null): string | null {
  if (value === null || value.length < 2 || value.charCodeAt(0) != QUOTE) return null;
  const parts: string[] = [];
  let start = 1;
  for (let at = 1; at < value.length - 1; at++) {
    if (value.charCodeAt(at) != BACKSLASH) continue;
    parts.push(value.substring(start, at));
    const escape = value.charAt(++at);
    const found = "bfnrt".indexOf(escape);
    if (escape == "u") {
      parts.push(String.fromCharCode(<i32>parseInt(value.substr(at + 1, 4), 16)));
      at += 4;
    } else {
      parts.push(found < 0 ? escape : "\b\f\n\r\t".charAt(found));
    }
    start = at + 1;
  }
  parts.push(value.substring(start, value.length - 1));
  return parts.join("");
}

export function isNumber(value: string | null): bool {
  return value !== null && "-0123456789".includes(value.charAt(0)) && !isNaN(parseFloat(value));
}

export function quoted(text: string): string {
  const parts: string[] = ['"'];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x20 && code != QUOTE && code != BACKSLASH) continue;
    parts.push(text.substring(start, at));
    parts.push(code >= 0x20 ? "\\" + text.charAt(at) : "\\u" + code.toString(16).padStart(4, "0"));
    start = at + 1;
  }
  parts.push(text.substring(start));
  parts.push('"');
  return parts.join("");
}

function blank(json: string, from: i32): i32 {
  let at = from;
  while (at < json.length && BLANKS.includes(json.charAt(at))) at++;
  return at;
}

/** Behind the string that begins at `from`; -1 when the text ends within it. */
function stringEnd(json: string, from: i32): i32 {
  for (let at = from + 1; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code == QUOTE) return at + 1;
    if (code == BACKSLASH) at++;
  }
  return -1;
}

function valueEnd(json: string, from: i32): i32 {
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const c = json.charAt(at);
    if (c == '"') {
      at = stringEnd(json, at);
      if (at < 0) return -1;
    } else if (c == "{" || c == "[") {
      depth++;
      at++;
    } else if (c == "}" || c == "]") {
      if (depth-- == 0) return -1;
      at++;
    } else if (depth > 0) {
      at++;
      continue;
    } else {
      const start = at;
      while (at < json.length && !",}] \t\r\n".includes(json.charAt(at))) at++;
      return at == start ? -1 : at;
    }
    if (depth == 0) return at;
  }
  return -1;
}
