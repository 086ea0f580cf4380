/** Text in HTML. Pure. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "`": "&#96;" };

/** Safe in text and in attributes, whichever quotes those have; old browsers took the backtick for one. */
export function escapeHtml(text: string): string {
  // Of 10,000 links of a page hardly one needs it.
  return /[&<>"'`]/.test(text) ? text.replace(/[&<>"'`]/g, (character) => ENTITIES[character] as string) : text;
}
