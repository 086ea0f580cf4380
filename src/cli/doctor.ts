/** `pilotlight doctor`: what this machine lacks for serving, what each lack costs, and the command to mend it. */
import { resolve } from "node:path";
import { table } from "../base/table.ts";
import { palette } from "../base/terminal.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { type Reader, readCount, readHost, readPort, readSize } from "../config/readers.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { type Finding, judge, type Suggestion, suggest } from "./doctor-checks.ts";
import { gatherFacts } from "./doctor-facts.ts";

const WISHES = "Wishes";

export const doctor: Command = {
  name: "doctor",
  usage: "[flags]",
  about:
    "Looks at Node, limits, kernel settings, the port and the folders. Ends with 0 when serving works,\nwarnings included, and with 1 when something makes it impossible. Changes nothing.",
  flags: [
    { name: "port", short: "p", value: "PORT", group: "What to look at", help: "port that serve would take", shown: "8080" },
    { name: "host", short: "h", value: "HOST", group: "What to look at", help: "address that serve would take", shown: "127.0.0.1" },
    { name: "data-dir", value: "DIR", group: "What to look at", help: "folder of caches and state", shown: ".pilotlight" },
    { name: "gomaxprocs", value: "N", group: WISHES, help: "as GOMAXPROCS: how many CPUs to use", shown: "$GOMAXPROCS" },
    { name: "gomemlimit", value: "SIZE", group: WISHES, help: "as GOMEMLIMIT: memory for the whole server", shown: "$GOMEMLIMIT" },
    JSON_FLAG,
    HELP_FLAG,
  ],
  positionalMaxCount: 0,
  examples: [
    ["pilotlight doctor", "this machine, the usual port"],
    ["pilotlight doctor --gomaxprocs 2 --gomemlimit 512MiB", "the flags that keep to it"],
    ["pilotlight doctor --json | jq '.findings[] | select(.state != \"ok\")'", "only what is amiss"],
  ],
  run,
};

async function run({ flag, io }: Call): Promise<number> {
  const problems: string[] = [];
  const read = <Value>(name: string, reader: Reader<Value>, text: string | undefined, absent: Value): Value => {
    if (text === undefined || text === "") return absent;
    const result = reader(text);
    if (!result.ok) problems.push(`${name} "${text}" ${result.failure}`);
    return result.ok ? result.value : absent;
  };
  const host = read("--host", readHost, flag("host"), "127.0.0.1");
  const port = read("--port", readPort, flag("port"), 8080);
  const wishes = {
    maxProcs: read<number | null>("GOMAXPROCS", readCount(1, 256), flag("gomaxprocs") ?? io.env["GOMAXPROCS"], null),
    memoryLimitBytes: read<number | null>("GOMEMLIMIT", readSize, goSize(flag("gomemlimit") ?? io.env["GOMEMLIMIT"]), null),
  };
  if (problems.length > 0) {
    printFailures(
      "doctor",
      problems.map((message) => ({ code: "CONFIG_BAD_VALUE", message })),
      io,
    );
    return EXIT_MISUSE;
  }
  const dataDir = resolve(io.cwd, flag("data-dir") ?? io.env["PILOTLIGHT_DATA_DIR"] ?? ".pilotlight");
  const facts = await gatherFacts({ host, port, dataDir, nodeOptions: io.env["NODE_OPTIONS"] ?? "" });
  const findings = judge(facts, `${host}:${port}`);
  const suggestions = suggest(facts, wishes);
  const text = flag("json")
    ? JSON.stringify({ findings, suggestions, facts }, null, 2)
    : report(findings, suggestions, palette(io.stdout, io.env));
  io.stdout.write(`${text}\n`);
  return findings.some((finding) => finding.state === "fail") ? EXIT_FAILED : EXIT_OK;
}

/** Go writes "off" for no limit. */
function goSize(text: string | undefined): string | undefined {
  return text === "off" ? undefined : text;
}

function report(findings: readonly Finding[], suggestions: readonly Suggestion[], colour: ReturnType<typeof palette>): string {
  const marks = { ok: colour.green("ok"), warn: colour.yellow("warn"), fail: colour.red("FAIL") };
  const lines = table(
    [{ title: "" }, { title: "" }, { title: "" }],
    findings.map(({ state, name, found }) => [marks[state], name, found]),
  ).split("\n");
  const body = findings.flatMap((finding, index) => {
    const detail = [finding.cost && `cost: ${finding.cost}`, finding.mend && `mend: ${finding.mend}`].filter(Boolean);
    return [lines[index]!, ...detail.map((line) => `        ${line}`)];
  });
  const count = (state: Finding["state"]) => findings.filter((finding) => finding.state === state).length;
  const advice = suggestions.map(({ flag, because }) => `  ${flag}    ${colour.dim(because)}`);
  return [
    ...body,
    ...(advice.length > 0 ? ["", "As asked, serve with:", ...advice] : []),
    "",
    `${count("ok")} ok, ${count("warn")} with a cost, ${count("fail")} that make serving impossible`,
  ].join("\n");
}
