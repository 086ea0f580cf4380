/**
 * Runs the conformance rows of the mirror against pilotlight and against the
 * mirrors that it answers, and prints what each makes of them, side by side.
 * The rows are those of test/mirror-conformance-*.test.ts, unchanged.
 *
 * node scripts/mirror-conformance.ts [--subjects a,b] [--rows 1,2] [--groxpi PROGRAM] [--markdown]
 */
import { parseArgs } from "node:util";
import { type Outcome, type Row, runRow } from "../test/support/mirror/conformance.ts";
import { ALL_ROWS } from "../test/support/mirror/rows/all.ts";
import { allSubjects, type Subject } from "../test/support/mirror/subject.ts";

interface Judged {
  readonly row: Row;
  readonly bySubject: ReadonlyMap<string, Outcome>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      subjects: { type: "string" },
      rows: { type: "string" },
      groxpi: { type: "string" },
      markdown: { type: "boolean", default: false },
    },
  });
  const known = allSubjects(values.groxpi);
  const names = values.subjects?.split(",") ?? known.map(({ name }) => name);
  const stranger = names.find((name) => !known.some((subject) => subject.name === name));
  if (stranger !== undefined) return misuse(`There is no subject "${stranger}": they are ${known.map(({ name }) => name).join(", ")}`);
  const ids = values.rows?.split(",").map(Number) ?? ALL_ROWS.map(({ id }) => id);
  const unknown = ids.find((id) => !ALL_ROWS.some((row) => row.id === id));
  if (unknown !== undefined) return misuse(`There is no row ${unknown}: they are 1 to ${ALL_ROWS.length}`);
  const subjects = known.filter(({ name }) => names.includes(name));
  const judged: Judged[] = [];
  for (const row of ALL_ROWS.filter(({ id }) => ids.includes(id))) judged.push(await judge(row, subjects));
  process.stdout.write(values.markdown ? markdown(judged, subjects) : plain(judged, subjects));
}

async function judge(row: Row, subjects: readonly Subject[]): Promise<Judged> {
  const bySubject = new Map<string, Outcome>();
  for (const subject of subjects) {
    const outcome = await runRow(row, subject);
    bySubject.set(subject.name, outcome);
    process.stderr.write(`row ${row.id}, ${subject.name}: ${outcome.kind}\n`);
  }
  return { row, bySubject };
}

function plain(judged: readonly Judged[], subjects: readonly Subject[]): string {
  const lines = judged.flatMap(({ row, bySubject }) => [
    `${String(row.id).padStart(2)}  ${row.title}`,
    ...[...bySubject].flatMap(([name, outcome]) => {
      const [first = "", ...rest] = wordsOf(outcome);
      return [
        `    ${name.padEnd(12)}${outcome.kind}${first === "" ? "" : `  ${first}`}`,
        ...rest.map((text) => `${" ".repeat(22)}${text}`),
      ];
    }),
  ]);
  return `${lines.join("\n")}\n\n${totals(judged, subjects).join("\n")}\n`;
}

function markdown(judged: readonly Judged[], subjects: readonly Subject[]): string {
  const names = subjects.map(({ name }) => name);
  const kinds = judged.map(
    ({ row, bySubject }) => `| ${row.id} | ${row.title} | ${names.map((name) => bySubject.get(name)?.kind ?? "").join(" | ")} |`,
  );
  const table = [`| # | Row | ${names.join(" | ")} |`, `|---|---|${"---|".repeat(names.length)}`, ...kinds];
  const findings = judged.flatMap(({ row, bySubject }) =>
    [...bySubject].flatMap(([name, outcome]) =>
      outcome.kind === "pass" ? [] : [`- row ${row.id}, ${name}: ${findingsText(wordsOf(outcome))}`],
    ),
  );
  return `${[...table, "", ...totals(judged, subjects).map((line) => `- ${line}`), "", ...findings].join("\n")}\n`;
}

function totals(judged: readonly Judged[], subjects: readonly Subject[]): string[] {
  return subjects.map(({ name }) => {
    const count = (kind: Outcome["kind"]) => judged.filter(({ bySubject }) => bySubject.get(name)?.kind === kind).length;
    return `${name}: ${count("pass")} of ${judged.length} rows passed, ${count("fail")} failed, ${count("skip")} skipped`;
  });
}

function wordsOf(outcome: Outcome): readonly string[] {
  if (outcome.kind === "skip") return [outcome.reason];
  return outcome.kind === "fail" ? outcome.problems : outcome.notes;
}

const FINDINGS_SHOWN = 5;

/** What fails everywhere fails in many words: the first of them tell enough. */
function findingsText(words: readonly string[]): string {
  const more = words.length > FINDINGS_SHOWN ? `; and ${words.length - FINDINGS_SHOWN} more` : "";
  return `${words.slice(0, FINDINGS_SHOWN).map(inCode).join("; ")}${more}`;
}

/** Text of strangers: nothing in it may be read as Markdown. */
function inCode(text: string): string {
  return `\`${text.replaceAll("`", "'").replaceAll("\n", " ")}\``;
}

function misuse(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}

await main();
