/**
 * The order function as WebAssembly guests, built from test/guests/ by whatever
 * compilers are here, and folders of them as `pilotlight serve` takes them. A
 * language without its tools is left out, loudly.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guest, type Language } from "../../test/support/guests.ts";
import { workFile } from "./subjects.ts";

export type OrderLanguage = Exclude<Language, "wat">;

export interface OrderGuest {
  readonly language: OrderLanguage;
  readonly label: string;
  readonly bytes: Uint8Array;
}

const LABELS: Readonly<Record<OrderLanguage, string>> = { c: "C", rust: "Rust", go: "Go", assemblyscript: "AssemblyScript" };
/** Of the text it answers to what is no order: in its data, so that changing it leaves what is measured alone. */
const ERROR_TEXT = "invalid order";
const MARK_LENGTH = "order".length;

/** Null when its tools are missing; why is on standard error. */
export async function orderGuest(language: OrderLanguage): Promise<OrderGuest | null> {
  const built = await guest(language, "order");
  return "skipped" in built ? null : { language, label: LABELS[language], bytes: readFileSync(built.file) };
}

export async function orderGuests(languages: readonly OrderLanguage[]): Promise<OrderGuest[]> {
  return (await Promise.all(languages.map(orderGuest))).filter((made) => made !== null);
}

export function sizeOf({ bytes }: OrderGuest): string {
  return bytes.length < 1e6 ? `${Math.round(bytes.length / 1e3)} KB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
}

/**
 * A folder with the guest as its one function, /order. What Go draws from
 * randomness as it starts may repeat: only so is it prepared by a checkpoint.
 */
export function orderFolder({ language, bytes }: OrderGuest): string {
  workFile(`${language}-order/pilotlight.yaml`, "functions:\n  order:\n    checkpoint: true\n");
  return join(workFile(`${language}-order/order.wasm`, bytes), "..");
}

/** `count` functions f0 …, each a module of its own: the same bytes twice would be compiled once (V8), and kept once (our cache). */
export function manyOrders({ language, bytes }: OrderGuest, count: number): string {
  const name = `${language}-orders-${count}`;
  const at = Buffer.from(bytes).indexOf(ERROR_TEXT) + ERROR_TEXT.length - MARK_LENGTH;
  if (at < MARK_LENGTH) throw new Error(`The ${language} guest does not hold the text "${ERROR_TEXT}"`);
  let folder = "";
  let config = "functions:\n";
  for (let index = 0; index < count; index++) {
    const marked = Buffer.from(bytes);
    marked.write(index.toString(36).padStart(MARK_LENGTH, "0"), at, "latin1");
    folder = join(workFile(`${name}/f${index}.wasm`, marked), "..");
    config += `  f${index}:\n    checkpoint: true\n`;
  }
  // No other language needs it to be said, and two thousand entries are no part of a function's price.
  if (language === "go") workFile(`${name}/pilotlight.yaml`, config);
  return folder;
}
