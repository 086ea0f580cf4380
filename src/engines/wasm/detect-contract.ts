/**
 * Which request contract a module keeps, when nobody named one: told by what it
 * imports and by the words in its data. A guess for convenience, shown with its
 * reason; `contract` in pilotlight.yaml overrules it.
 */
import type { ContractName } from "../../config/config.ts";

export interface DetectedContract {
  readonly contract: ContractName;
  readonly reason: string;
}

/** Names that only a program which reads the CGI environment spells out. */
const CGI_WORDS = ["REQUEST_METHOD", "GATEWAY_INTERFACE", "QUERY_STRING", "PATH_INFO", "REQUEST_URI"];
/** Keys of Gojinn's answer: a program that writes one has all of them, in its text or its struct tags. */
const GOJINN_WORDS = ["status", "body"];

/** `imports` are "module.name". */
export function detectContract(bytes: Uint8Array, imports: readonly string[]): DetectedContract {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // AssemblyScript keeps its strings as UTF-16.
  const holds = (word: string): boolean => data.includes(word) || data.includes(word, 0, "utf16le");
  if (imports.some((name) => name.startsWith("gojinn."))) return { contract: "gojinn", reason: "it imports the host module gojinn" };
  const cgi = CGI_WORDS.find(holds);
  if (cgi !== undefined) return { contract: "cgi", reason: `its data holds ${cgi}` };
  const readsInput = imports.some((name) => name.endsWith(".fd_read"));
  if (readsInput && GOJINN_WORDS.every(holds))
    return { contract: "gojinn", reason: `it reads standard input and its data holds ${GOJINN_WORDS.join(" and ")}` };
  return { contract: "command", reason: "nothing in it speaks of CGI or of Gojinn's JSON" };
}
