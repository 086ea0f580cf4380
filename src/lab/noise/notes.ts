/**
 * The noise doctor's findings: what on this machine makes figures waver, what
 * is steady, and what it doesn't let us know. Unknown is said to be unknown: on
 * a virtual machine the governor and the turbo are somebody else's secret.
 */
import type { Activity } from "./activity.ts";
import type { NoiseFacts } from "./facts.ts";

export interface NoiseNote {
  readonly name: string;
  readonly state: "steady" | "unstable" | "unknown";
  /** One phrase: what is, and what it does to figures. */
  readonly text: string;
}

const STEAL_SHARE_MAX = 0.005;
const OTHER_CORE_SHARE_MAX = 0.05;
/** Of all work that isn't ours; the kernel's own on our behalf (network, timers) is about half of this. */
const OTHER_CORES_MAX = 0.15;
/** Load average per core before we began. */
const LOAD_PER_CORE_MAX = 0.25;
const STEADY_CLOCKS = ["tsc", "kvm-clock", "arch_sys_counter"];

/** Where server and load ran. */
export interface Placement {
  /** Null: each had a place of its own. */
  readonly unpinnedBecause: string | null;
  /** That place was one of two hyper-threads of the same core. */
  readonly sharesCore: boolean;
}

export function noiseNotes(facts: NoiseFacts, activity: Activity | null, placement: Placement): NoiseNote[] {
  return [...machineNotes(facts), pinningNote(facts, placement), ...(activity === null ? [] : activityNotes(activity))];
}

function machineNotes(facts: NoiseFacts): NoiseNote[] {
  const { governor, isTurboOn, isSmtOn, isVirtual, clockSource, cpuQuota, loadAverage, coreCount } = facts;
  const isBusy = loadAverage / coreCount > LOAD_PER_CORE_MAX;
  return [
    governor === null
      ? unknown("governor", "the kernel doesn't say which governor sets the clock")
      : note("governor", governor === "performance", `${governor}${governor === "performance" ? "" : ": the clock follows the load"}`),
    isTurboOn === null
      ? unknown("turbo", "the kernel doesn't say whether the clock may rise above its base")
      : note("turbo", !isTurboOn, isTurboOn ? "on: the clock depends on heat and on the other cores" : "off"),
    isSmtOn === null
      ? unknown("smt", "the kernel doesn't say whether cores are hyper-threads")
      : note("smt", !isSmtOn, isSmtOn ? "on: a core's other thread takes from it" : "off, or hidden by the hypervisor"),
    isVirtual === null
      ? unknown("virtual", "this processor doesn't say whether it is virtual")
      : note("virtual", !isVirtual, isVirtual ? "a virtual machine: neighbours share caches, memory and clock" : "no"),
    clockSource === null
      ? unknown("clock", "the kernel doesn't name its clock")
      : note("clock", STEADY_CLOCKS.includes(clockSource), `${clockSource}${STEADY_CLOCKS.includes(clockSource) ? "" : ": slow to read"}`),
    cpuQuota === null
      ? unknown("cgroup", "no readable CPU limit of the control group")
      : note("cgroup", cpuQuota === Number.POSITIVE_INFINITY, quotaText(cpuQuota)),
    note(
      "load",
      !isBusy,
      `load average ${loadAverage.toFixed(2)} on ${coreCount} cores before the run${isBusy ? ": others were at work" : ""}`,
    ),
  ];
}

function quotaText(cpuQuota: number): string {
  return cpuQuota === Number.POSITIVE_INFINITY
    ? "no CPU limit"
    : `at most ${cpuQuota} CPUs: whoever uses them up is stopped until the next period`;
}

function pinningNote({ coreCount }: NoiseFacts, { unpinnedBecause, sharesCore }: Placement): NoiseNote {
  if (unpinnedBecause !== null) return note("cores", false, `${coreCount}; server and load are not pinned: ${unpinnedBecause}`);
  if (sharesCore) return note("cores", false, `${coreCount}; server and load share a core, as its two hyper-threads: each slows the other`);
  return note("cores", true, `${coreCount}; server and load each on one of their own`);
}

function activityNotes({ stealShare, throttledMs, otherCores, others }: Activity): NoiseNote[] {
  const busy = others.filter(({ coreShare }) => coreShare > OTHER_CORE_SHARE_MAX);
  const named = `busy beside us: ${busy.map(({ name, pid, coreShare }) => `${name} (${pid}) with ${percent(coreShare)} of a core`).join(", ")}`;
  return [
    stealShare === null
      ? unknown("steal", "the kernel doesn't say what the hypervisor took")
      : note("steal", stealShare <= STEAL_SHARE_MAX, `${percent(stealShare)} of the time was taken by the hypervisor`),
    ...(throttledMs !== null && throttledMs > 0
      ? [note("throttled", false, `the control group was stopped for ${throttledMs.toFixed(0)} ms during the run`)]
      : []),
    note("others", busy.length === 0, busy.length === 0 ? "no other process was busy from beginning to end" : named),
    otherCores === null
      ? unknown("strangers", "the kernel doesn't say how busy all cores were")
      : note("strangers", otherCores <= OTHER_CORES_MAX, `work that wasn't ours took ${percent(otherCores)} of a core`),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function note(name: string, isSteady: boolean, text: string): NoiseNote {
  return { name, state: isSteady ? "steady" : "unstable", text };
}

function unknown(name: string, text: string): NoiseNote {
  return { name, state: "unknown", text };
}
