/**
 * Shown addresses: an address of the web as logs, messages and pages may show
 * it. Of its userinfo, query and fragment nothing; of its path all but what
 * looks like a key, because some private indexes are told apart by one there
 * ("/KEY/simple/"). What looks like one is a guess that errs on the side of
 * hiding: an index is known by its name and its host, too. Pure.
 */

const HIDDEN = "***";
const SHOWN_MAX_LENGTH = 300;
/** Shorter keys are words to us; longer words have a dash in them. */
const KEY_MIN_LENGTH = 10;
const WORD_MAX_LENGTH = 24;
/** Changes between small letters, capitals and digits, for each step from one character to the next. */
const CHANGES_MAX = 0.25;
/** Without a digit: "MyPyPIServer" and "MachineLearning" are names. */
const LETTERS_MIN_LENGTH = 16;
const LETTER_CHANGES_MAX = 0.35;

const UUID = /[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}/i;
/** An address within an address. */
const USERINFO = /:.*@/s;
/** As those who give them out say: AWS, GitLab, tokens of three parts (JWT and the like). */
const KEY_SHAPES = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{12,}/,
  /\bglpat-[\w-]{8,}/,
  /(?:^|\W)eyJ[\w-]+\.[\w-]+\.[\w-]*/,
  /^[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}$/,
];
/** A digit among its letters: at the end it counts something. */
const BASE32 = /^(?=.{12})(?:(?=.*[a-z][2-7]+[a-z])[a-z2-7]+|(?=.*[A-Z][2-7]+[A-Z])[A-Z2-7]+)$/;
/** Versions, hashes of commits and tags of platforms make a distribution's name look like anything. */
const DISTRIBUTION = /\.(?:whl|egg|zip|tar\.\w{1,4}|tgz)(?:\.(?:metadata|provenance|asc))?$/i;

export function shownAddress(href: string): string {
  const url = URL.parse(href);
  return url === null ? "an address that is none" : `${url.protocol}//${url.host}${withoutKeys(url.pathname)}`.slice(0, SHOWN_MAX_LENGTH);
}

/** Also of what is no address: parts between slashes are looked at, each by itself. */
export function withoutKeys(path: string): string {
  return path
    .split("/")
    .map((segment) => (looksLikeKey(segment) ? HIDDEN : segment))
    .join("/");
}

function looksLikeKey(segment: string): boolean {
  const text = decoded(segment);
  if (USERINFO.test(text) || KEY_SHAPES.some((shape) => shape.test(text))) return true;
  if (segment.length < KEY_MIN_LENGTH || (segment.includes("-") && DISTRIBUTION.test(segment))) return false;
  return UUID.test(text) || text.split(/[^a-z0-9]+/i).some(isNoWord);
}

function isNoWord(word: string): boolean {
  if (BASE32.test(word)) return true;
  // A date, or the number of a project.
  if (word.length < KEY_MIN_LENGTH || /^\d{1,20}$/.test(word)) return false;
  if (word.length > WORD_MAX_LENGTH) return true;
  const changes = [...word].filter((character, at) => at > 0 && kindOf(character) !== kindOf(word[at - 1]!)).length;
  const perStep = changes / (word.length - 1);
  return /\d/.test(word) ? perStep >= CHANGES_MAX : word.length >= LETTERS_MIN_LENGTH && perStep >= LETTER_CHANGES_MAX;
}

function kindOf(character: string): "digit" | "capital" | "small" {
  if (/\d/.test(character)) return "digit";
  return /[A-Z]/.test(character) ? "capital" : "small";
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
