/**
 * Which request contract a module keeps, when nobody named one: told by what it
 * imports and by the words in its data. A guess for convenience, shown with its
 * reason; `contract` in pilotlight.yaml overrules it.
 */
import type { ContractName } from "../../config/config.ts";
import { ByteReader } from "./binary/byte-reader.ts";
import { readSections, SECTION } from "./binary/sections.ts";

export interface DetectedContract {
  readonly contract: ContractName;
  readonly reason: string;
}

/** Names that only a program which reads the CGI environment spells out. */
const CGI_WORDS = ["REQUEST_METHOD", "GATEWAY_INTERFACE", "QUERY_STRING", "PATH_INFO", "REQUEST_URI"];
/** Keys of Gojinn's answer as JSON and Go's struct tags spell them. */
const QUOTED_WORDS = ['"status"', '"body"'];
/** As other serializers keep them (serde). Go's own runtime speaks of both. */
const BARE_WORDS = ["status", "body"];
const GO_WORD = "runtime.goexit";

/** Of a module that was read before; `imports` are "module.name". */
export function detectContract(module: Uint8Array, imports: readonly string[]): DetectedContract {
  const data = dataOf(module);
  // AssemblyScript keeps its strings as UTF-16, at any address: searched as bytes, for Node looks for UTF-16 at even ones only.
  const holds = (word: string): boolean => data.includes(word) || data.includes(Buffer.from(word, "utf16le"));
  if (imports.some((name) => name.startsWith("gojinn."))) return { contract: "gojinn", reason: "it imports the host module gojinn" };
  const cgi = CGI_WORDS.find(holds);
  if (cgi !== undefined) return { contract: "cgi", reason: `its data holds ${cgi}` };
  if (imports.some((name) => name.endsWith(".fd_read"))) {
    const words = QUOTED_WORDS.every(holds) ? QUOTED_WORDS : BARE_WORDS.every(holds) && !holds(GO_WORD) ? BARE_WORDS : null;
    if (words !== null) return { contract: "gojinn", reason: `it reads standard input and its data holds ${words.join(" and ")}` };
  }
  return { contract: "command", reason: "nothing in it speaks of CGI or of Gojinn's JSON" };
}

/** Its data alone: names of functions and debug information hold any word. */
function dataOf(module: Uint8Array): Buffer {
  const sections = readSections(new ByteReader(module)).filter(({ id }) => id === SECTION.data);
  return Buffer.concat(sections.map(({ bodyStart, end }) => module.subarray(bodyStart, end)));
}
