/**
 * The tables of the pages on configuration, written from the tables of
 * settings that flags, variables and pilotlight.yaml are read by. Run it to
 * write them; `npm run check` fails while a page says something else.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONFIG_VARIABLE, ENV_FILE_FLAG } from "../src/config/file-flags.ts";
import type { Flag } from "../src/config/flags.ts";
import type { MirrorSetting } from "../src/config/mirror/mirror-setting.ts";
import { MIRROR_FLAGS } from "../src/config/mirror/parse.ts";
import { MIRROR_SETTINGS } from "../src/config/mirror/settings.ts";
import { STRUCTURE_HELP } from "../src/config/mirror/structures.ts";
import { WITHOUT_EFFECT } from "../src/config/mirror/variables.ts";
import { OVERRIDE_HELP } from "../src/config/overrides.ts";
import { SERVER_FLAGS } from "../src/config/parse.ts";
import { type Setting, type SettingTable, settingHelp } from "../src/config/setting.ts";
import { SETTINGS } from "../src/config/settings.ts";

type Tables = Readonly<Record<string, () => string>>;

const SERVER_TABLES: Tables = { settings: settingsTable, functions: functionsTable, files: () => filesTable(SERVER_FLAGS) };

/** Page to the tables that it must have. */
const PAGES: Readonly<Record<string, Tables>> = {
  "docs/configuration.md": SERVER_TABLES,
  "docs/mirror-configuration.md": {
    settings: mirrorSettingsTable,
    lists: listsTable,
    pointless: pointlessTable,
    files: () => filesTable(MIRROR_FLAGS),
  },
};

/** The page with its tables as they should be: each stands between `<!-- NAME -->` and `<!-- end -->`. */
export function withTables(page: string, tables: Tables = SERVER_TABLES): string {
  return page.replace(/^<!-- (\w+) -->\n[\s\S]*?^<!-- end -->$/gm, (block, name: string) =>
    Object.hasOwn(tables, name) ? `<!-- ${name} -->\n\n${tables[name]!()}\n\n<!-- end -->` : block,
  );
}

export function checkConfigurationPages(root: string): string[] {
  return Object.entries(PAGES).flatMap(([file, tables]) => {
    const page = readFileSync(join(root, file), "utf8");
    const missing = Object.keys(tables).filter((name) => !page.includes(`<!-- ${name} -->`));
    if (missing.length > 0) return [`${file}: the table <!-- ${missing.join(", ")} --> is missing`];
    return page === withTables(page, tables) ? [] : [`${file}: its tables are stale. Run: node scripts/configuration-tables.ts`];
  });
}

function settingsTable(): string {
  const rows = Object.entries(SETTINGS as SettingTable).map(([key, setting]) => {
    return row(SETTINGS, key, setting, setting.env === undefined ? "" : code(setting.env));
  });
  return markdownTable(["Key", "Flag", "Variable", "Value", "Default", "Meaning"], rows);
}

/** Of a setting: its key, flag, variables, value, default and meaning. */
function row(table: SettingTable, key: string, { flag }: Setting<unknown>, variables: string): string[] {
  const { value, help, shown } = settingHelp(table, key);
  const short = flag?.short === undefined ? "" : `-${flag.short}, `;
  const written = flag === undefined ? "" : code(`${short}--${flag.name}`);
  const isSwitch = value === undefined;
  return [code(key), written, variables, value ?? "true, false", shown ?? (isSwitch ? "false" : ""), help];
}

function mirrorSettingsTable(): string {
  const entries = Object.entries(MIRROR_SETTINGS as Readonly<Record<string, MirrorSetting<unknown>>>);
  const rows = entries.map(([key, setting]) => {
    const variables = [...(setting.variables ?? []).map((name) => code(`*_${name}`)), ...(setting.bareVariables ?? []).map(code)];
    const [name, ...others] = row(MIRROR_SETTINGS, key, setting, variables.join(", "));
    return [setting.isSecret ? "" : name!, ...others];
  });
  const dataDir = row(SETTINGS, "data_dir", SETTINGS.data_dir, code(SETTINGS.data_dir.env));
  return markdownTable(
    ["Key", "Flag", "Variables", "Value", "Default", "Meaning"],
    [...rows, ["(at the top) `data_dir`", ...dataDir.slice(1)]],
  );
}

function listsTable(): string {
  return markdownTable(
    ["Key", "Meaning"],
    Object.entries(STRUCTURE_HELP).map(([key, help]) => [code(key), help]),
  );
}

function pointlessTable(): string {
  const why = Map.groupBy(Object.entries(WITHOUT_EFFECT), ([, reason]) => reason);
  const rows = [...why].map(([reason, entries]) => [entries.map(([name]) => code(`*_${name}`)).join(", "), reason]);
  return markdownTable(["Variables", "Why they change nothing"], rows);
}

function functionsTable(): string {
  return markdownTable(
    ["Key", "Meaning"],
    Object.entries(OVERRIDE_HELP).map(([key, help]) => [code(key), help]),
  );
}

/** Flags that choose what is read, rather than set something. */
function filesTable(all: readonly Flag[]): string {
  const flags = all.filter((flag) => flag.setting === undefined && flag.name !== "help");
  const variables: Readonly<Record<string, string>> = { config: code(CONFIG_VARIABLE), [ENV_FILE_FLAG.name]: "" };
  return markdownTable(
    ["Flag", "Variable", "Value", "Meaning"],
    flags.map((flag) => [
      code(`${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}`),
      variables[flag.name] ?? "",
      flag.value ?? "",
      flag.help,
    ]),
  );
}

function code(text: string): string {
  return `\`${text}\``;
}

function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  for (const [page, tables] of Object.entries(PAGES)) {
    const file = join(dirname(import.meta.dirname), page);
    writeFileSync(file, withTables(readFileSync(file, "utf8"), tables));
  }
}
