/**
 * The tables of docs/configuration.md, written from the table of settings that
 * flags, variables and pilotlight.yaml are read by. Run it to write them;
 * `npm run check` fails while the page says something else.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OVERRIDE_HELP } from "../src/config/overrides.ts";
import { ENV_FILE_FLAG, SERVER_FLAGS } from "../src/config/parse.ts";
import { SETTING_KEYS, SETTINGS, type Setting, settingHelp } from "../src/config/settings.ts";

export const CONFIGURATION_PAGE = "docs/configuration.md";

const TABLES: Readonly<Record<string, () => string>> = { settings: settingsTable, functions: functionsTable, files: filesTable };

/** The page with its tables as they should be: each stands between `<!-- NAME -->` and `<!-- end -->`. */
export function withTables(page: string): string {
  return page.replace(/^<!-- (\w+) -->\n[\s\S]*?^<!-- end -->$/gm, (block, name: string) =>
    Object.hasOwn(TABLES, name) ? `<!-- ${name} -->\n\n${TABLES[name]!()}\n\n<!-- end -->` : block,
  );
}

export function checkConfigurationPage(root: string): string[] {
  const page = readFileSync(join(root, CONFIGURATION_PAGE), "utf8");
  const missing = Object.keys(TABLES).filter((name) => !page.includes(`<!-- ${name} -->`));
  if (missing.length > 0) return [`${CONFIGURATION_PAGE}: the table <!-- ${missing.join(", ")} --> is missing`];
  return page === withTables(page) ? [] : [`${CONFIGURATION_PAGE}: its tables are stale. Run: node scripts/configuration-tables.ts`];
}

function settingsTable(): string {
  const rows = SETTING_KEYS.map((key) => {
    const { flag, env } = SETTINGS[key] as Setting<unknown>;
    const { value, help, shown } = settingHelp(key);
    const short = flag?.short === undefined ? "" : `-${flag.short}, `;
    const written = flag === undefined ? "" : code(`${short}--${flag.name}`);
    return [
      code(key),
      written,
      env === undefined ? "" : code(env),
      value ?? "true, false",
      shown ?? (value === undefined ? "false" : ""),
      help,
    ];
  });
  return markdownTable(["Key", "Flag", "Variable", "Value", "Default", "Meaning"], rows);
}

function functionsTable(): string {
  return markdownTable(
    ["Key", "Meaning"],
    Object.entries(OVERRIDE_HELP).map(([key, help]) => [code(key), help]),
  );
}

/** Flags that choose what is read, rather than set something. */
function filesTable(): string {
  const flags = SERVER_FLAGS.filter((flag) => flag.setting === undefined && flag.name !== "help");
  const variables: Readonly<Record<string, string>> = { config: code("PILOTLIGHT_CONFIG"), [ENV_FILE_FLAG.name]: "" };
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
  const file = join(dirname(import.meta.dirname), CONFIGURATION_PAGE);
  writeFileSync(file, withTables(readFileSync(file, "utf8")));
}
