/**
 * DOMException of Web IDL: an Error whose name says what kind, with the legacy
 * codes. Registers itself with the bridge, so that faults of the host arrive
 * as one.
 */
import { registerDomException } from "./bridge.ts";

/** Names in the order of their legacy codes, from 1; gaps are codes nobody uses any more. */
const CODED_NAMES =
  "IndexSizeError,,HierarchyRequestError,WrongDocumentError,InvalidCharacterError,,NoModificationAllowedError,NotFoundError,NotSupportedError,InUseAttributeError,InvalidStateError,SyntaxError,InvalidModificationError,NamespaceError,InvalidAccessError,,TypeMismatchError,SecurityError,NetworkError,AbortError,URLMismatchError,QuotaExceededError,TimeoutError,InvalidNodeTypeError,DataCloneError".split(
    ",",
  );

export class DOMException extends Error {
  readonly #name: string;

  constructor(message = "", options: string | { name?: string; cause?: unknown } = "Error") {
    const hasCause = typeof options === "object" && options !== null && "cause" in options;
    super(String(message), hasCause ? { cause: options.cause } : undefined);
    this.#name = String(typeof options === "object" && options !== null ? (options.name ?? "Error") : options);
  }

  override get name(): string {
    return this.#name;
  }

  get code(): number {
    return CODED_NAMES.indexOf(this.#name) + 1;
  }

  get [Symbol.toStringTag](): string {
    return "DOMException";
  }
}

for (const [index, name] of CODED_NAMES.entries()) {
  if (name === "") continue;
  const constant =
    name === "URLMismatchError"
      ? "URL_MISMATCH_ERR"
      : `${name
          .replace(/Error$/, "")
          .replace(/(?<=[a-z])(?=[A-Z])/g, "_")
          .toUpperCase()}_ERR`;
  const descriptor = { value: index + 1, enumerable: true };
  Object.defineProperty(DOMException, constant, descriptor);
  Object.defineProperty(DOMException.prototype, constant, descriptor);
}

registerDomException((message, name) => new DOMException(message, name));
