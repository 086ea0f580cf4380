/**
 * Echo in Gojinn's contract: the body comes back byte for byte, binary ones too;
 * x-method, x-target and x-echo (the request's X-Probe) say what arrived, and
 * x-headers all of its headers as the JSON they came in.
 */
import { member, quoted, text } from "./json";
import { readText, writeText } from "./wasi";

/** The first value of a header; "" when there is none. */
function first(headers: string, name: string): string {
  const values = member(headers, name);
  if (values === null) return "";
  // A list of strings is an object without names: lend it one.
  const value = values.startsWith("[") ? member('{"first":' + values.substring(1), "first") : values;
  const decoded = text(value);
  return decoded === null ? "" : decoded;
}

function textOf(request: string, name: string): string {
  const value = text(member(request, name));
  return value === null ? "" : value;
}

function main(): void {
  const request = readText();
  const found = member(request, "headers");
  const headers = found === null ? "{}" : found;
  const type = first(headers, "Content-Type");
  const binary = member(request, "body_base64");
  const body = member(request, "body");
  writeText('{"status":200,"headers":{"Content-Type":[' + quoted(type == "" ? "application/octet-stream" : type));
  writeText('],"x-method":[' + quoted(textOf(request, "method")) + '],"x-target":[' + quoted(textOf(request, "uri")));
  writeText('],"x-echo":[' + quoted(first(headers, "X-Probe")) + '],"x-headers":[' + quoted(headers) + "]}");
  if (binary !== null) writeText(',"body_base64":' + binary);
  else writeText(',"body":' + (body === null ? '""' : body));
  writeText("}");
}

main();
