/**
 * Addresses in a page: relative ones joined with the page's own, credentials
 * taken out. Pure. Only http and https come out of here: a "file:" from an
 * upstream would have the mirror read its own disk.
 */
const ADDRESS_MAX_LENGTH = 8192;

export interface Address {
  /** Absolute, without credentials and fragment. */
  readonly href: string;
  /** Without its "#". */
  readonly fragment: string;
  /** The last segment of the path as it stands there, escapes and all. */
  readonly lastSegment: string;
}

/** Null for what is no address of the web. */
export function resolveAddress(reference: unknown, base: string): Address | null {
  if (typeof reference !== "string" || reference.length > ADDRESS_MAX_LENGTH) return null;
  const url = URL.parse(reference, base);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  // A relative reference inherits the credentials of its base, too.
  if (url.username !== "") url.username = "";
  if (url.password !== "") url.password = "";
  const { hash, pathname } = url;
  // Also when only the "#" is there, which `hash` doesn't tell.
  if (reference.includes("#") || hash !== "") url.hash = "";
  return { href: url.href, fragment: hash.slice(1), lastSegment: pathname.slice(pathname.lastIndexOf("/") + 1) };
}

/** Each once, in their order; what is no address is left out. */
export function resolveAll(references: unknown, base: string): string[] {
  if (!Array.isArray(references)) return [];
  const addresses = new Set<string>();
  for (const reference of references) {
    const address = resolveAddress(reference, base);
    if (address !== null) addresses.add(address.href);
  }
  return [...addresses];
}
