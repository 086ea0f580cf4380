/**
 * The page's style sheet. Colours are variables, light and dark, chosen so that
 * blue against orange tells the two apart for every kind of colour vision;
 * nothing is said by colour alone. System fonts: the page loads nothing.
 */

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --card: #ffffff; --ink: #1c1f24; --muted: #646b76; --rule: #e3e0d8; --grid: #ecebe5;
  --corrected: #1259a8; --corrected-soft: #1259a824; --uncorrected: #b75c00; --median: #4d9de0;
  --good: #0b6e63; --good-soft: #e3f1ee; --bad: #b3361b; --bad-soft: #fbeae4; --warn: #8a5a00; --warn-soft: #fbf1d9;
  --blocked: #a7adb7; --connecting: #e0a100; --tls_handshaking: #7a5ba6; --sending: #5fb0a4; --waiting: #1259a8; --receiving: #d1702a;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111418; --card: #191d23; --ink: #e9e7e2; --muted: #9ba3ae; --rule: #2c323a; --grid: #262b33;
    --corrected: #6fb4ff; --corrected-soft: #6fb4ff2e; --uncorrected: #f0a04b; --median: #b9d9fb;
    --good: #5fd0bd; --good-soft: #15302d; --bad: #ff9275; --bad-soft: #3a1d16; --warn: #f2c661; --warn-soft: #33290f;
    --blocked: #6f7783; --connecting: #e7b93c; --tls_handshaking: #b196dd; --sending: #5fb0a4; --waiting: #6fb4ff; --receiving: #f0924f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 72px; }
h1, h2, p, ul, figure, pre, dl, dd { margin: 0; }
.kicker { color: var(--muted); font-size: 14px; letter-spacing: .01em; }
h1 { font: 600 26px/1.3 var(--mono); letter-spacing: -.02em; overflow-wrap: anywhere; margin: 6px 0 10px; }
h1 .method { color: var(--muted); font-weight: 400; }
h2 { font-size: 20px; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; text-wrap: balance; }
.lead { color: var(--muted); max-width: 76ch; }
.says { color: var(--muted); font-size: 14.5px; max-width: 76ch; margin-top: 4px; }
.note { font-size: 14.5px; max-width: 76ch; margin-top: 14px; padding-left: 12px; border-left: 3px solid var(--uncorrected); }
section, .figures > div { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
section { padding: 24px 26px 26px; margin-top: 20px; }
.banner { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin-top: 24px; padding: 16px 20px; border-radius: 12px; border: 1px solid; }
.banner .sign { font-size: 22px; line-height: 1.25; font-weight: 700; }
.banner strong { font-size: 17px; line-height: 1.6; }
.banner p, .banner ul { grid-column: 2; font-size: 15px; color: var(--ink); overflow-wrap: anywhere; }
.banner ul { padding-left: 18px; }
.good { background: var(--good-soft); color: var(--good); border-color: color-mix(in srgb, var(--good) 35%, transparent); }
.bad { background: var(--bad-soft); color: var(--bad); border-color: color-mix(in srgb, var(--bad) 45%, transparent); }
.warn { background: var(--warn-soft); color: var(--warn); border-color: color-mix(in srgb, var(--warn) 40%, transparent); }
.banner.loud { background: var(--bad); color: var(--card); padding: 20px 22px; }
.banner.loud strong { font-size: 20px; } .banner.loud ul { color: inherit; }
.invalid .value { color: var(--muted) !important; text-decoration: line-through; text-decoration-thickness: 2px; }
.banner + .banner { margin-top: 12px; }
.figures { display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px; margin-top: 20px; }
.figures > div { padding: 16px 18px; }
.figures dt { color: var(--muted); font-size: 14px; }
.figures .value { font-size: 30px; line-height: 1.25; font-weight: 650; letter-spacing: -.025em; white-space: nowrap; }
.figures .value small { font-size: 16px; font-weight: 500; letter-spacing: 0; color: var(--muted); display: inline-block; }
.figures .under { color: var(--muted); font-size: 13.5px; line-height: 1.4; }
.figures .main .value { color: var(--corrected); }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 20px; margin-top: 20px; }
.pair > section { margin-top: 0; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr) 396px; gap: 30px; align-items: center; }
figure { margin-top: 16px; min-width: 0; }
.scroll { overflow-x: auto; margin-top: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
section > table { margin-top: 14px; }
.beside th, .beside td { padding-right: 14px; }
th { text-align: left; color: var(--muted); font-weight: 500; font-size: 13.5px; }
th, td { padding: 7px 18px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.right { text-align: right; }
td.text { overflow-wrap: anywhere; width: 56%; }
td.dim, .dim { color: var(--muted); }
td.nowrap { white-space: nowrap; }
code, pre { font-family: var(--mono); font-size: 13.5px; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 9px; }
.stack { display: flex; height: 30px; border-radius: 7px; overflow: hidden; gap: 2px; margin-top: 18px; }
.stack > span { min-width: 2px; }
.command { user-select: all; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--page); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; margin-top: 14px; line-height: 1.6; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--muted); font-size: 14.5px; }
details pre { overflow-x: auto; background: var(--page); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; margin-top: 10px; line-height: 1.5; }
.pass, .miss { font-weight: 600; white-space: nowrap; }
.pass { color: var(--good); } .miss { color: var(--bad); }
footer { color: var(--muted); font-size: 13.5px; max-width: 88ch; text-wrap: pretty; margin-top: 28px; }
.uplot { font-family: inherit !important; }
.u-legend { text-align: left !important; font-size: 13.5px; margin: 8px 0 0 !important; width: auto; line-height: 1.6; }
.u-legend tbody { display: flex; flex-wrap: wrap; }
.u-legend tr { margin: 0 18px 0 0 !important; }
.u-legend tr:first-child { order: 9; }
.u-legend tr:first-child:has(.u-value:empty) { visibility: hidden; }
.u-legend th::after { content: "" !important; }
.u-legend th, .u-legend td { border: 0; padding: 0 !important; }
.u-legend th { color: var(--muted); font-weight: 500; pointer-events: none; }
.u-legend .u-value { color: var(--ink); font-weight: 600; min-width: 3.9em; padding-left: 6px !important; }
.u-legend .u-marker { width: 16px; height: 0 !important; border-width: 0 0 3px !important; border-radius: 2px; margin-right: 7px; vertical-align: middle; }
.u-legend tr:first-child .u-marker { display: none; }
.u-cursor-x, .u-cursor-y { border-color: var(--muted) !important; }
@media (max-width: 900px) { .figures { grid-template-columns: repeat(2, 1fr); } .figures .main { grid-column: 1 / -1; } .pair, .beside { grid-template-columns: minmax(0, 1fr); } .beside { gap: 8px; } }
@media (max-width: 600px) {
  main { padding: 24px 12px 48px; }
  h1 { font-size: 20px; } h2 { font-size: 18px; }
  section { padding: 18px 16px 20px; margin-top: 14px; } .figures { gap: 10px; }
  .figures > div { padding: 13px 14px; } .figures .value { font-size: 25px; } .figures .main .value { font-size: 34px; }
  .pair { gap: 14px; margin-top: 14px; }
  table { font-size: 14px; } th, td { padding-right: 12px; }
  .stacked tr { display: grid; grid-template-columns: 1fr auto; border-bottom: 1px solid var(--rule); padding: 8px 0; }
  .stacked tr:last-child { border-bottom: 0; }
  .stacked th { display: none; } .stacked td { border: 0; padding: 0; }
  .stacked td.text { grid-column: 1 / -1; width: auto; font-size: 13.5px; }
  .wide { display: none; }
}
@media print { body { background: #fff; } section, .figures > div { break-inside: avoid; } }
`;
