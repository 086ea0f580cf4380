/**
 * Project names: their form (PEP 508) and the one spelling by which an index
 * is asked for them (PEP 503). Pure.
 * A name that passed isProjectName holds no slash, no dot segment and no
 * control character: it may stand in an address, a key and a log as it is.
 */
const NAME_MAX_LENGTH = 255;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const NOT_NORMAL = /[^a-z0-9-]|--/;

export function isProjectName(name: string): boolean {
  return name.length <= NAME_MAX_LENGTH && NAME.test(name);
}

/** Once per request, and nearly always for a name that is normal already. */
export function normaliseName(name: string): string {
  return NOT_NORMAL.test(name) ? name.replace(/[-_.]+/g, "-").toLowerCase() : name;
}
