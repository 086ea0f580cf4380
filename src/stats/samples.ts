/**
 * Samples: what every function here takes, and the one check they share.
 * What cannot be computed is a Failure that says how many samples are needed:
 * a NaN or an Infinity in a report is taken for a figure by somebody.
 */
import type { Failure } from "../base/result.ts";

export type Samples = ArrayLike<number>;

/**
 * Squares, cubes and ratios of numbers in this range stay finite and above
 * zero; no measurement in any unit comes near its ends.
 */
const MAGNITUDE_MAX = 1e100;
const MAGNITUDE_MIN = 1e-100;

/** `purpose` follows "Cannot compute ". Null when the samples can be used. */
export function checkSamples(values: Samples, neededCount: number, purpose: string): Failure | null {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    const magnitude = Math.abs(value);
    if (magnitude <= MAGNITUDE_MAX && (value === 0 || magnitude >= MAGNITUDE_MIN)) continue;
    return {
      code: "BAD_SAMPLE",
      message: `Cannot compute ${purpose}: sample ${index + 1} of ${values.length} is ${value}`,
      hint: "Mend what measured it; a sample is a finite number, zero or between 1e-100 and 1e100 in size",
    };
  }
  return values.length >= neededCount ? null : tooFewSamples(values.length, neededCount, purpose);
}

/** For ratios: as checkSamples, and every value above zero. */
export function checkPositive(values: Samples, neededCount: number, purpose: string): Failure | null {
  const failure = checkSamples(values, neededCount, purpose);
  if (failure !== null) return failure;
  for (let index = 0; index < values.length; index++) {
    if (values[index]! > 0) continue;
    return {
      code: "NOT_POSITIVE",
      message: `Cannot compute ${purpose}: sample ${index + 1} of ${values.length} is ${values[index]}, and a ratio needs values above zero`,
      hint: "Compare a quantity that is never zero, or the total over a longer run",
    };
  }
  return null;
}

function tooFewSamples(count: number, neededCount: number, purpose: string): Failure {
  return {
    code: "TOO_FEW_SAMPLES",
    message: `Cannot compute ${purpose} from ${count} sample${count === 1 ? "" : "s"}: at least ${neededCount} are needed`,
    hint: `Measure ${neededCount} or more`,
  };
}

/** Ascending; the caller's order is left alone. */
export function sortedCopy(values: Samples): Float64Array {
  return Float64Array.from(values).sort();
}
