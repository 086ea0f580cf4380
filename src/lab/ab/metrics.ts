/** The figures of a comparison: what each is called, which way is better, and where it stands in a sample. */
import { describeBytes } from "../../base/units.ts";
import type { MetricName, ProcessSample } from "./plan.ts";

export interface Metric {
  readonly name: MetricName;
  readonly title: string;
  readonly better: "lower" | "higher";
  /** NaN where the sample doesn't tell. */
  valueOf(sample: ProcessSample): number;
  show(value: number): string;
}

const BY_NAME: Readonly<Record<MetricName, Omit<Metric, "name">>> = {
  cpu: { title: "CPU us/request", better: "lower", valueOf: (sample) => sample.cpuUsPerRequest, show: digits },
  rps: { title: "requests/s", better: "higher", valueOf: (sample) => sample.requestsPerSecond, show: digits },
  p50: { title: "latency p50 us", better: "lower", valueOf: (sample) => sample.p50Us, show: digits },
  p99: { title: "latency p99 us", better: "lower", valueOf: (sample) => sample.p99Us, show: digits },
  memory: { title: "memory (own PSS)", better: "lower", valueOf: (sample) => sample.ownPssBytes, show: describeBytes },
  boot: { title: "boot ms", better: "lower", valueOf: (sample) => sample.bootMs, show: digits },
};

export function metricOf(name: MetricName): Metric {
  return { name, ...BY_NAME[name] };
}

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Three figures at least, none made up; thousands apart. */
function digits(value: number): string {
  return value >= 100 ? GROUPED.format(value) : value.toFixed(value >= 10 ? 1 : 2);
}
