/** serve and dev as processes: greeting, signals, the port, a second server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { command, importEntry, NO_TYPE } from "../src/engines/wasm/binary/testing/assembler.ts";
import { pilotlight, startPilotlight } from "./support/cli.ts";

const PATIENCE_MS = 20_000;

let cwd = "";
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "pilotlight-serve-"));
  writeFileSync(join(cwd, "hello.ts"), "export function GET() { return new Response('one'); }");
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

interface Serving {
  readonly url: string;
  readonly adminUrl: string | null;
  readonly lines: string[];
  kill(signal: NodeJS.Signals): void;
  ended(): Promise<number | null>;
}

/** Runs until `work` is done; killed by its id whatever happens. */
async function serving(args: readonly string[], work: (server: Serving) => Promise<void>): Promise<void> {
  const child = startPilotlight([...args, "-p", "0", "-w", "1"], { cwd });
  child.stderr!.resume();
  const exit = once(child, "exit") as Promise<[number | null]>;
  const lines: string[] = [];
  const greeting = new Promise<{ url: string; adminUrl: string | null }>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      lines.push(line);
      const url = /serves .* on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve({ url, adminUrl: null });
      if (line.startsWith('{"listening"')) resolve(JSON.parse(line).listening);
    });
    exit.then(() => reject(new Error("it ended without a greeting")));
  });
  const kill = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  try {
    await work({ ...(await greeting), lines, kill: (signal) => child.kill(signal), ended: async () => (await exit)[0] });
  } finally {
    clearTimeout(kill);
    child.kill("SIGTERM");
    await exit;
  }
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isDone())) {
    assert.ok(Date.now() < deadline, "it did not happen in time");
    await delay(50);
  }
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

test("serve greets with a line to try each function, and SIGTERM ends it with 0", async () => {
  await serving(["serve", "--admin", "off"], async ({ url, lines, kill, ended }) => {
    assert.equal(await textOf(`${url}/hello`), "one");
    assert.ok(lines.some((line) => line.includes(`curl ${url}/hello`)));
    kill("SIGTERM");
    assert.equal(await ended(), 0);
  });
});

test("serve --json says one JSON object a line", async () => {
  await serving(["serve", "--json", "--admin", "127.0.0.1:0"], async ({ url, adminUrl, lines }) => {
    await textOf(`${url}/hello`);
    await until(async () => lines.length >= 2);
    for (const line of lines) JSON.parse(line);
    const { functions } = JSON.parse(lines[0]!);
    assert.deepEqual([functions[0].route, functions[0].methods, functions[0].try], ["/hello", ["GET"], `curl ${url}/hello`]);
    const stats = await pilotlight(["stats", "--json", "--admin", adminUrl!], { cwd });
    assert.equal(stats.status, 0, stats.stderr);
    assert.equal(JSON.parse(stats.stdout).workers.length, 1);
    const logs = await pilotlight(["logs", "hello", "--admin", adminUrl!], { cwd });
    assert.match(logs.stdout, /GET \/hello 200/);
    const list = await pilotlight(["list", "--json", "--admin", adminUrl!], { cwd });
    assert.equal(list.status, 0, list.stderr);
    assert.equal(JSON.parse(list.stdout).functions[0].calls, 1);
  });
});

test("a failure to build is logged once for the call that met it", async () => {
  writeFileSync(join(cwd, "hello.ts"), "export function GET() { oops( }");
  await serving(["serve", "--json", "--admin", "off"], async ({ url, lines }) => {
    assert.equal((await fetch(`${url}/hello`)).status, 500);
    await until(async () => lines.some((line) => line.includes("GET /hello 500")));
    const errors = lines.slice(1).flatMap((line) => (JSON.parse(line).level === "error" ? JSON.parse(line).message : []));
    assert.equal(errors.length, 1, errors.join("\n"));
    assert.equal(errors[0].split("hello.ts:1:").length, 2, `the place is named once: ${errors[0]}`);
  });
});

test("logs of one function are followed, and a function that the server has not is named with the nearest", async () => {
  await serving(["serve", "--admin", "127.0.0.1:0", "--json"], async ({ url, adminUrl }) => {
    const unknown = await pilotlight(["logs", "helo", "--admin", adminUrl!], { cwd });
    assert.deepEqual([unknown.status, unknown.stdout], [2, ""]);
    assert.match(unknown.stderr, /^pilotlight logs: The server has no function "helo"\. Did you mean hello\?\n$/);
    const follower = startPilotlight(["logs", "-f", "hello", "--admin", adminUrl!], { cwd });
    const exit = once(follower, "exit");
    try {
      let followed = "";
      follower.stdout!.on("data", (text) => {
        followed += text;
      });
      // Each call is one line; one of them comes after the follower was connected.
      await until(async () => {
        await textOf(`${url}/hello`);
        await textOf(`${url}/other`);
        return followed.includes("GET /hello 200");
      });
      assert.doesNotMatch(followed, /other/);
    } finally {
      follower.kill("SIGINT");
      assert.deepEqual(await exit, [0, null]);
    }
  });
});

test("profile writes a CPU and a heap profile that tools can open", async () => {
  await serving(["serve", "--admin", "127.0.0.1:0", "--json"], async ({ url, adminUrl }) => {
    for (const [kind, field] of [
      ["cpu", "nodes"],
      ["heap", "head"],
    ] as const) {
      const calls = setInterval(() => void textOf(`${url}/hello`).catch(() => {}), 20);
      const args = ["profile", "/hello", `--${kind}`, "--seconds", "0.5", "--json", "--admin", adminUrl!];
      const { status, stdout, stderr } = await pilotlight(args, { cwd });
      clearInterval(calls);
      assert.deepEqual([status, stderr], [0, ""]);
      const { file } = JSON.parse(stdout) as { file: string };
      assert.equal(file, join(cwd, `hello.${kind}profile`));
      assert.ok(field in JSON.parse(readFileSync(file, "utf8")), `${file} has ${field}`);
    }
  });
});

test("profile of a function that nobody calls says so", async () => {
  await serving(["serve", "--admin", "127.0.0.1:0", "--json"], async ({ adminUrl }) => {
    for (const kind of ["cpu", "heap"]) {
      const { status, stderr } = await pilotlight(["profile", "hello", `--${kind}`, "--seconds", "0.1", "--admin", adminUrl!], { cwd });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /hello was not called meanwhile/);
    }
  });
});

test("the admin address of the project's own pilotlight.yaml is the one that is asked", async () => {
  await serving(["serve", "--json", "--admin", "127.0.0.1:0"], async ({ adminUrl }) => {
    const project = join(cwd, "elsewhere");
    mkdirSync(project, { recursive: true });
    const port = new URL(adminUrl!).port;
    for (const admin of [`127.0.0.1:${port}`, `\n  port: ${port}`]) {
      writeFileSync(join(project, "pilotlight.yaml"), `admin: ${admin}\n`);
      const stats = await pilotlight(["stats", "--json"], { cwd: project });
      assert.equal(stats.status, 0, stats.stderr);
    }
    writeFileSync(join(project, "pilotlight.yaml"), "admin: 127.0.0.1:9\n");
    const { status, stderr } = await pilotlight(["stats"], { cwd: project });
    assert.equal(status, 1);
    assert.match(stderr, /No server answers on http:\/\/127\.0\.0\.1:9/);
  });
});

test("stats shows calls, workers and restarts to people", async () => {
  await serving(["serve", "--admin", "127.0.0.1:0", "--json"], async ({ url, adminUrl }) => {
    await textOf(`${url}/hello`);
    const { status, stdout } = await pilotlight(["stats", "--admin", adminUrl!], { cwd });
    assert.equal(status, 0);
    assert.match(stdout, /^Up \d+s, deployment 1,/);
    assert.match(stdout, /^WORKER +PID +MEMORY/m);
    assert.match(stdout, /^hello +1 +0 /m);
  });
});

test("SIGHUP serves what is on disk now", async () => {
  await serving(["serve", "--admin", "off"], async ({ url, kill }) => {
    assert.equal(await textOf(`${url}/hello`), "one");
    writeFileSync(join(cwd, "hello.ts"), "export function GET() { return new Response('two'); }");
    kill("SIGHUP");
    await until(async () => (await textOf(`${url}/hello`)) === "two");
  });
});

test("a second server on the same port ends with 2 and leaves the first alone", async () => {
  await serving(["serve", "--admin", "off"], async ({ url }) => {
    const second = await pilotlight(["serve", "--admin", "off", "-p", new URL(url).port], { cwd });
    assert.equal(second.status, 2);
    assert.match(second.stderr, /^pilotlight serve: Cannot listen on .*\n$/);
    const third = await pilotlight(["serve", "--json", "--admin", "off", "-p", new URL(url).port], { cwd });
    assert.deepEqual([third.status, JSON.parse(third.stdout).errors[0].code, third.stderr], [2, "PORT_IN_USE", ""]);
    assert.equal(await textOf(`${url}/hello`), "one");
  });
});

test("dev reloads when a file is saved and shows errors with their source", async () => {
  await serving(["dev", "--admin", "off"], async ({ url }) => {
    assert.equal(await textOf(`${url}/hello`), "one");
    writeFileSync(join(cwd, "hello.ts"), "export function GET() { return new Response('saved'); }");
    await until(async () => (await textOf(`${url}/hello`)) === "saved");
    writeFileSync(join(cwd, "hello.ts"), "export function GET() { oops( }");
    await until(async () => (await textOf(`${url}/hello`)).includes("hello.ts:1:"));
  });
});

test("dev gives functions the secrets of the project's .env, and those of the file saved", async () => {
  mkdirSync(join(cwd, "secretive/functions"), { recursive: true });
  writeFileSync(join(cwd, "secretive/pilotlight.yaml"), "functions:\n  tell: { secrets: [WORD] }\n");
  writeFileSync(join(cwd, "secretive/functions/tell.ts"), "export default (_: Request, env: { WORD: string }) => new Response(env.WORD);");
  writeFileSync(join(cwd, "secretive/.env"), "WORD=sesame\n");
  await serving(["dev", "secretive", "--admin", "off"], async ({ url, lines }) => {
    assert.equal(await textOf(`${url}/tell`), "sesame");
    writeFileSync(join(cwd, "secretive/.env"), "WORD=mellon\n");
    await until(async () => (await textOf(`${url}/tell`)) === "mellon");
    assert.doesNotMatch(lines.join("\n"), /sesame|mellon/);
  });
});

test("a module that throws when it loads is logged once for the call that met it", async () => {
  writeFileSync(join(cwd, "hello.ts"), "throw new Error('at the top'); export function GET() {}");
  await serving(["serve", "--json", "--admin", "off"], async ({ url, lines }) => {
    assert.equal((await fetch(`${url}/hello`)).status, 500);
    await until(async () => lines.some((line) => line.includes("GET /hello 500")));
    assert.equal(lines.filter((line) => line.includes('"level":"error"')).length, 1, lines.join("\n"));
  });
});

test("dev shows browsers the routes when none has the path, and scripts why; serve tells neither", async () => {
  const accept = { accept: "text/html,*/*" };
  await serving(["dev", "--admin", "off"], async ({ url }) => {
    const page = await fetch(`${url}/hello/7`, { headers: accept });
    assert.deepEqual([page.status, page.headers.get("content-type")], [404, "text/html; charset=utf-8"]);
    const html = await page.text();
    assert.ok(html.includes('<a href="/hello">'), html);
    assert.ok(html.includes("hello/[...path].ts would answer everything below"), html);
    const { error } = JSON.parse(await textOf(`${url}/hello/7`));
    assert.match(error.message, /^No function has the path \/hello\/7: hello\.ts answers \/hello only; /);
  });
  await serving(["serve", "--admin", "off"], async ({ url }) => {
    const { error } = JSON.parse(await (await fetch(`${url}/hello/7`, { headers: accept })).text());
    assert.equal(error.message, "No function has the path /hello/7");
  });
});

test("dev tells at once that a saved file is broken, what it reloaded, that it builds again, and that it stopped", async () => {
  await serving(["dev", "--admin", "off"], async ({ lines, kill, ended }) => {
    const told = (pattern: RegExp) => until(async () => lines.some((line) => pattern.test(line)));
    await told(/^Reloads on save\. Ctrl-C ends it\.$/);
    writeFileSync(join(cwd, "hello.ts"), "export function GET() { oops( }");
    await told(/ info {2}reloaded: hello /);
    await told(/ error hello: Cannot bundle hello\.ts: Unexpected "}" \(hello\.ts:1:31\) code=SYNTAX_ERROR$/);
    await told(/^ {2}1 \| export function GET\(\) \{ oops\( \}$/);
    writeFileSync(join(cwd, "hello.ts"), "export function GET() { return new Response('mended'); }");
    await told(/ info {2}hello builds again$/);
    kill("SIGINT");
    assert.equal(await ended(), 0);
    await told(/^Stopped\.$/);
  });
});

test("serve logs what can't be served before anybody calls it, and serves the rest", async () => {
  writeFileSync(join(cwd, "broken.ts"), "export function GET() { oops( }");
  writeFileSync(join(cwd, "pilotlight.yaml"), "functions:\n  hello: { secrets: [NEVER_SET] }\n");
  await serving(["serve", "--json", "--admin", "off"], async ({ lines }) => {
    const errors = () => lines.slice(1).flatMap((line) => (JSON.parse(line).level === "error" ? [JSON.parse(line).code] : []));
    await until(async () => errors().length === 2);
    assert.deepEqual(errors(), ["SECRET_MISSING", "SYNTAX_ERROR"]);
  });
});

test("a module that can't be used is told when it is deployed, and list shows it; one that can is not built before its first call", async () => {
  const unknown = command([], { types: [NO_TYPE], imports: [importEntry("env", "missing", 0, 0)] });
  writeFileSync(join(cwd, "bad.wasm"), unknown);
  writeFileSync(join(cwd, "good.wasm"), command());
  await serving(["serve", "--json", "--admin", "127.0.0.1:0"], async ({ lines, adminUrl }) => {
    const errors = () => lines.slice(1).flatMap((line) => (JSON.parse(line).level === "error" ? [JSON.parse(line)] : []));
    await until(async () => errors().length === 1);
    const [{ code, message, hint }] = errors();
    assert.equal(code, "UNKNOWN_IMPORT");
    assert.match(message, /^Cannot use bad: the module imports env\.missing, which is not provided$/);
    assert.match(hint, /build for WASI/);
    const { stdout } = await pilotlight(["list", "--json", "--admin", new URL(adminUrl!).host], { cwd });
    const { functions } = JSON.parse(stdout) as { functions: { id: string; failure: { code: string } | null; start?: unknown }[] };
    const shown = new Map(functions.map((one) => [one.id, one]));
    assert.equal(shown.get("bad")?.failure?.code, "UNKNOWN_IMPORT");
    assert.deepEqual([shown.get("good")?.failure, shown.get("good")?.start], [null, null]);
  });
});

test("dev tells at once that a saved module can't be used, and when it can", async () => {
  const file = join(cwd, "module.wasm");
  writeFileSync(file, command());
  await serving(["dev", "--admin", "off"], async ({ lines }) => {
    const told = (pattern: RegExp) => until(async () => lines.some((line) => pattern.test(line)));
    await told(/^Reloads on save\./);
    writeFileSync(file, "no module");
    await told(/ error module: module\.wasm: Cannot use module: the file is no WebAssembly module.* code=INVALID_MODULE$/);
    writeFileSync(file, command());
    await told(/ info {2}module builds again$/);
  });
});

test("code from the command line or a single file that can't be built ends serve with 1 and the reason", async () => {
  writeFileSync(join(cwd, "hello.ts"), "export default () => oops(");
  for (const source of [["-e", "export default () => oops("], ["hello.ts"]]) {
    const { status, stdout, stderr } = await pilotlight(["serve", ...source, "-p", "0", "-w", "1", "--admin", "off"], { cwd });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^pilotlight serve: .*Unexpected end of file/);
  }
  await serving(["dev", "hello.ts", "--admin", "off"], async ({ lines }) => {
    await until(async () => lines.some((line) => line.includes("Unexpected end of file")));
  });
});

test("code from the command line owns every path", async () => {
  await serving(["serve", "-e", "export default (r) => new Response(new URL(r.url).pathname)", "--admin", "off"], async ({ url }) => {
    assert.equal(await textOf(`${url}/any/where`), "/any/where");
  });
});

test("a host without address and a certificate that is none are a line that mends, and status 2", async () => {
  writeFileSync(join(cwd, "none.pem"), "no certificate");
  const cases: [string[], RegExp][] = [
    [["-h", "nosuch.invalid"], /^pilotlight serve: Cannot listen on nosuch\.invalid:0: the name has no address\. Give --host an address /],
    [
      ["--tls-cert", "none.pem", "--tls-key", "none.pem"],
      /^pilotlight serve: Cannot use certificate \S+ with key \S+: .*\. Give a PEM certificate /,
    ],
  ];
  for (const [flags, message] of cases) {
    const { status, stderr } = await pilotlight(["serve", "hello.ts", "-p", "0", "-w", "1", "--admin", "off", ...flags], { cwd });
    assert.deepEqual([status, stderr.trimEnd().split("\n").length], [2, 1], stderr);
    assert.match(stderr, message);
  }
});
