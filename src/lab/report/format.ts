/**
 * Figures as people read them: durations with three significant digits and the
 * unit that fits, counts with thousands separated, rates, shares and bytes.
 * Used by everything here that prints, so that the page and the terminal say
 * the same. Not for files that programs read: those keep plain numbers.
 */
const MS_US = 1_000;
const SECOND_US = 1_000_000;
const MINUTE_US = 60 * SECOND_US;

/** 0.4 -> "400ns", 2520 -> "2.52ms", 63_000_000 -> "1m3s": as k6 writes them. */
export function formatUs(us: number): string {
  if (!Number.isFinite(us)) return "-";
  if (us === 0) return "0s";
  if (us < 0.9995) return `${digits(us * 1_000)}ns`;
  if (us < 999.5) return `${digits(us)}µs`;
  if (us < 999.5 * MS_US) return `${digits(us / MS_US)}ms`;
  if (us < 59.95 * SECOND_US) return `${digits(us / SECOND_US)}s`;
  const seconds = Math.round(us / SECOND_US);
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.floor(us / MINUTE_US + 1e-9)}m${seconds % 60}s`;
}

/** The same with a blank before the unit, for running text and pages. */
export function spacedUs(us: number): string {
  return formatUs(us).replace(/(\d)([a-zµ]+)(?=$)/, "$1 $2");
}

/** "≥1s" where no more is known than that it is so much or more. */
export function bounded(text: string, isLowerBound: boolean): string {
  return isLowerBound ? `≥${text}` : text;
}

/** A figure and its unit stay on one line. */
export function unbroken(text: string): string {
  return text.replace(/(\d) (?=[nµm]?s(?![a-z]))/g, "$1\u00a0");
}

/** 1180877 -> "1,180,877"; never in the reader's locale, so that reports compare. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** 19680.469 -> "19,680"; small rates keep three digits. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(perSecond) : digits(perSecond);
}

/** A share never rounds to 0% or 100% unless it is that: one failure in a million must show. */
export function formatShare(share: number): string {
  if (share === 0) return "0%";
  if (share === 1) return "100%";
  if (share < 0.0001) return "<0.01%";
  if (share > 0.9999) return ">99.99%";
  // Nearly all is told from all by what is missing.
  return `${digits(share * 100, share > 0.99 ? 4 : 3)}%`;
}

/** Powers of 1000, as k6: 8_800_000 -> "8.8 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B`;
  for (const [unit, size] of [
    ["kB", 1e3],
    ["MB", 1e6],
    ["GB", 1e9],
  ] as const) {
    if (bytes < size * 999.5) return `${digits(bytes / size)} ${unit}`;
  }
  return `${digits(bytes / 1e12)} TB`;
}

/** At most `significant` digits, never fewer than the whole part has, no trailing zeros. */
function digits(value: number, significant = 3): string {
  const wholeDigits = value < 1 ? 1 : Math.floor(Math.log10(value)) + 1;
  return String(Number(value.toFixed(Math.max(0, significant - wholeDigits))));
}
