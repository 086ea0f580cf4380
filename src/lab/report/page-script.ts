/**
 * The script of the page: draws the plots with uPlot in the colours of the
 * page's style sheet, and again when the reader's light or dark setting or the
 * window changes. `drawPlots` runs in a browser: it is published as its own
 * source text, so it must use nothing from outside itself. Works out no
 * figures: page-data.ts has done that.
 */
import type { PageData } from "./page-data.ts";

/** The little of a browser that is used: the compiler knows only Node here. */
interface Element {
  readonly clientWidth: number;
  readonly textContent: string;
}
interface Browser {
  readonly document: { getElementById(id: string): Element | null; readonly documentElement: Element };
  getComputedStyle(element: Element): { getPropertyValue(name: string): string };
  matchMedia(query: string): { addEventListener(type: "change", listener: () => void): void };
  readonly ResizeObserver: new (listener: () => void) => { observe(element: Element): void };
  readonly devicePixelRatio: number;
}
interface Plot {
  readonly ctx: CanvasContext;
  readonly data: readonly (readonly (number | null)[])[];
  readonly bbox: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  valToPos(value: number, scale: string, canvas: boolean): number;
  setSize(size: { width: number; height: number }): void;
  redraw(): void;
}
interface CanvasContext {
  font: string;
  fillStyle: string;
  strokeStyle: string;
  lineWidth: number;
  lineJoin: string;
  textAlign: string;
  textBaseline: string;
  save(): void;
  setLineDash(segments: readonly number[]): void;
  restore(): void;
  beginPath(): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  fill(): void;
  stroke(): void;
  measureText(text: string): { readonly width: number };
  fillText(text: string, x: number, y: number): void;
  strokeText(text: string, x: number, y: number): void;
}
type PathBuilder = object;
interface UPlot {
  new (options: object, data: readonly (readonly (number | null)[])[], parent: Element): Plot;
  readonly paths: { bars(options: object): PathBuilder };
}

/** To be put into a script element behind uPlot's own code. */
export function pageScript(): string {
  return `(${drawPlots})(window, uPlot);`;
}

function drawPlots(browser: Browser, uPlot: UPlot): void {
  const { document } = browser;
  const data = JSON.parse(document.getElementById("plot-data")!.textContent) as PageData;
  const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const plots: Plot[] = [];

  // Read when drawn: a change between light and dark needs nothing but a redraw.
  const color = (name: string) => () => browser.getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  function time(logUs: number): string {
    const us = 10 ** logUs;
    const [value, unit] = us < 999.5 ? [us, "µs"] : us < 999_500 ? [us / 1e3, "ms"] : [us / 1e6, "s"];
    return `${Number((value as number).toPrecision(3))} ${unit}`;
  }
  const share = (nines: number) => `${Number((100 - 100 * 10 ** -nines).toFixed(Math.max(0, Math.ceil(nines) - 1)))}%`;
  const count = (value: number) => Math.round(value).toLocaleString("en-US");

  /** 1, 2, 5, 10 … while there is room for them, then fewer, at last every so many decades. */
  function timeSplits(low: number, high: number, most: number): number[] {
    for (const steps of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]]) {
      const splits: number[] = [];
      for (let decade = Math.floor(low); decade <= high; decade++) {
        for (const step of steps) {
          const at = decade + Math.log10(step);
          if (at >= low - 1e-9 && at <= high + 1e-9) splits.push(at);
        }
      }
      if (splits.length <= most) return splits;
      if (steps.length === 1) return splits.filter((_, index) => index % Math.ceil(splits.length / most) === 0);
    }
    return [];
  }

  const axis = (more: object) => ({
    stroke: color("muted"),
    font: FONT,
    grid: { stroke: color("grid"), width: 1 },
    ticks: { show: false },
    gap: 6,
    ...more,
  });
  const timeAxis = (more: object, pixelsEach: number) =>
    axis({
      splits: (plot: Plot, _index: number, low: number, high: number) => {
        const vertical = "side" in more;
        const pixels = (vertical ? plot.bbox.height : plot.bbox.width) / browser.devicePixelRatio;
        return timeSplits(low, high, Math.max(2, Math.floor(pixels / pixelsEach)));
      },
      values: (_plot: Plot, splits: number[]) => splits.map(time),
      ...more,
    });
  /** Nothing while nothing is pointed at. */
  const seen = (format: (value: number) => string) => (_plot: Plot, value: number | null, _series: number, index: number | null) =>
    index === null ? "" : typeof value === "number" ? format(value) : "none";
  const line = (label: string, name: string, format: (value: number) => string, more: object = {}) => ({
    label,
    stroke: color(name),
    width: 2,
    points: { show: false },
    value: seen(format),
    ...more,
  });

  function plot(id: string, height: number, options: object, columns: readonly (readonly (number | null)[])[]): void {
    const parent = document.getElementById(id);
    if (parent === null || columns[0]!.length === 0) return;
    const size = () => ({ width: Math.max(240, parent.clientWidth), height });
    const made = new uPlot({ ...size(), padding: [12, 14, 0, 0], ...options }, columns, parent);
    new browser.ResizeObserver(() => made.setSize(size())).observe(parent);
    plots.push(made);
  }

  /** Names of the quantiles beside their points: nobody should have to look from the axis to the line and back. */
  function drawMarks(drawn: Plot): void {
    const { ctx, bbox } = drawn;
    const ratio = browser.devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${12 * ratio}px system-ui, -apple-system, sans-serif`;
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    // The last line drawn may have left its dashes behind.
    ctx.setLineDash([]);
    const marks = data.cdf.marks.map((mark) => {
      const [x, y] = [drawn.valToPos(mark.logUs, "x", true), drawn.valToPos(mark.nines, "y", true)];
      const text = `${mark.name}  ${time(mark.logUs)}`;
      const fitsRight = x + 16 * ratio + ctx.measureText(text).width < bbox.left + bbox.width;
      return { x, y, text, side: fitsRight ? 1 : -1 };
    });
    for (const { x, y, side, text } of marks) {
      ctx.textAlign = side < 0 ? "right" : "left";
      ctx.lineWidth = 4 * ratio;
      ctx.strokeStyle = color("card")();
      ctx.strokeText(text, x + side * 11 * ratio, y + side * 9 * ratio);
      ctx.fillStyle = color("ink")();
      ctx.fillText(text, x + side * 11 * ratio, y + side * 9 * ratio);
    }
    // The points last: the halo of a name would cover half of one.
    for (const { x, y } of marks) {
      ctx.beginPath();
      ctx.arc(x, y, 5 * ratio, 0, 2 * Math.PI);
      ctx.fillStyle = color("corrected")();
      ctx.strokeStyle = color("card")();
      ctx.lineWidth = 2 * ratio;
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  const { cdf, histogram, seconds } = data;
  const ninesSplits = [0, -Math.log10(0.5)];
  for (let nines = 1; nines <= Math.ceil(cdf.ninesMax); nines++) ninesSplits.push(nines);
  plot(
    "plot-cdf",
    360,
    {
      scales: { x: { time: false }, y: { range: [0, cdf.ninesMax + 0.15] } },
      // The names of quantiles are drawn into the plot, the last above its line.
      padding: [22, 14, 0, 0],
      axes: [
        timeAxis({ size: 34 }, 62),
        axis({ size: 64, splits: () => ninesSplits, values: (_plot: Plot, splits: number[]) => splits.map(share) }),
      ],
      series: [
        { label: "Latency", value: seen(time) },
        line(cdf.uncorrected === null ? "Share of answers" : "Corrected: from when it was due", "corrected", share, { width: 2.5 }),
        ...(cdf.uncorrected === null ? [] : [line("Uncorrected: from when it was sent", "uncorrected", share, { dash: [6, 4] })]),
      ],
      hooks: { draw: [drawMarks] },
    },
    [cdf.logUs, cdf.corrected, ...(cdf.uncorrected === null ? [] : [cdf.uncorrected])],
  );

  plot(
    "plot-histogram",
    290,
    {
      scales: { x: { time: false }, y: { range: (_plot: Plot, _low: number, high: number) => [0, Math.max(1, high * 1.08)] } },
      axes: [timeAxis({ size: 34 }, 62), axis({ size: 58, values: (_plot: Plot, splits: number[]) => splits.map(count) })],
      series: [
        { label: "Around", value: seen(time) },
        line("Answers", "corrected", count, { width: 0, fill: color("corrected"), paths: uPlot.paths.bars({ size: [0.9], gap: 1 }) }),
      ],
    },
    [histogram.logUs, histogram.counts],
  );

  const second = { label: "Second", value: seen((value) => `${Math.floor(value)} s`) };
  const secondAxis = axis({
    size: 34,
    values: (_plot: Plot, splits: number[]) => splits.map((split) => (Number.isInteger(split) ? `${split} s` : "")),
  });
  /** Two thirds of a decade at least: on less, noise looks like a mountain range and the axis has one name. */
  const widened = (_plot: Plot, low: number, high: number) => {
    const more = Math.max(0.06, (0.66 - (high - low)) / 2);
    return [low - more, high + more];
  };
  /** Each second from its beginning to its end, so that one without a figure beside it is drawn whole too. */
  const edges = seconds.second.flatMap((at) => [at, at + 0.9999]);
  const held = <Value>(column: readonly Value[]) => column.flatMap((value) => [value, value]);
  /** One second makes no line. */
  const lone = { points: { show: seconds.second.length === 1, size: 7 } };
  const sync = { sync: { key: "seconds" } };
  const hasTarget = seconds.target.some((target) => target !== null);
  const hasFailed = seconds.failed.some((failed) => failed !== null && failed > 0);
  // Beside each other, so on one axis.
  const secondScale = { time: false, range: [seconds.second[0] ?? 0, seconds.endSecond] };
  plot(
    "plot-throughput",
    220,
    {
      cursor: sync,
      scales: { x: secondScale, y: { range: (_plot: Plot, _low: number, high: number) => [0, Math.max(1, high * 1.1)] } },
      axes: [secondAxis, axis({ size: 58, values: (_plot: Plot, splits: number[]) => splits.map(count) })],
      series: [
        second,
        line("Passed", "corrected", count, { fill: color("corrected-soft") }),
        ...(hasFailed ? [line("Failed", "bad", count, { fill: color("bad") })] : []),
        ...(hasTarget ? [line("Target", "uncorrected", count, { dash: [6, 4], width: 1.5 })] : []),
      ],
    },
    [edges, held(seconds.passed), ...(hasFailed ? [held(seconds.failed)] : []), ...(hasTarget ? [held(seconds.target)] : [])],
  );
  plot(
    "plot-latency",
    220,
    {
      cursor: sync,
      scales: { x: secondScale, y: { range: widened } },
      axes: [secondAxis, timeAxis({ side: 3, size: 64 }, 34)],
      series: [second, line("p99", "corrected", time, lone), line("Median", "median", time, lone)],
    },
    [seconds.second, seconds.p99LogUs, seconds.medianLogUs],
  );

  browser.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const drawn of plots) drawn.redraw();
  });
}
