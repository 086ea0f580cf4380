/**
 * Raw samples beside a result, in the order they were taken: one JSON line for
 * each benchmark, so that a later comparison tests values and not medians, and
 * drift stays visible. A value that couldn't be measured is null.
 */

export type SamplesByName = ReadonlyMap<string, readonly number[]>;

export function formatSamples(samples: SamplesByName): string {
  const lines = [...samples].map(([name, values]) =>
    JSON.stringify({ name, values: values.map((value) => (Number.isFinite(value) ? value : null)) }),
  );
  return lines.map((line) => `${line}\n`).join("");
}

/** Null when the text is no such file. */
export function parseSamples(text: string): SamplesByName | null {
  const samples = new Map<string, readonly number[]>();
  try {
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const { name, values } = JSON.parse(line) as { name: unknown; values: unknown };
      if (typeof name !== "string" || !Array.isArray(values)) return null;
      if (!values.every((value) => value === null || typeof value === "number")) return null;
      samples.set(
        name,
        values.map((value) => value ?? Number.NaN),
      );
    }
  } catch {
    return null;
  }
  return samples;
}
