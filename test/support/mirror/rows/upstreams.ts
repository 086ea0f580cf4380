/** Rows about what stands behind the mirror: an index that is down, two that know one name, one that wants credentials, and what the policy hides. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, ask, PIP_ACCEPT } from "../ask.ts";
import type { Bench, Row } from "../conformance.ts";
import { type Distribution, heavyWheel, wheel } from "../distributions.ts";
import { type Ended, pip, uv } from "../python-tools.ts";
import type { Mirror } from "../subject.ts";
import { pagePath, type Upstream } from "../upstream-double.ts";
import { JSON_TYPE } from "../upstream-pages.ts";
import { reported } from "./clients.ts";

const KIB = 1024;
const DAY_MS = 24 * 3_600_000;
const RECOVERY_MS = 20_000;
/** What says "not now" of a gateway. */
const GATEWAY_STATUSES = [502, 503, 504];
const DRY_RUN = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-"];

export const UPSTREAM_ROWS: readonly Row[] = [
  {
    id: 9,
    title: "with the index down, after a restart, what was asked for before installs, and what was not is a clear gateway error",
    needs: ["pip", "uv"],
    async run(bench) {
      const upstream = await bench.upstream();
      for (const name of ["kept-lib", "unasked-lib"]) upstream.publish(wheel({ name, version: "1.0" }));
      const settings = { indexUrl: upstream.indexUrl, cacheDir: bench.newFolder("cache"), indexTtlSeconds: 1, readTimeoutSeconds: 2 };
      const first = await bench.mirror(settings);
      const install = async (indexUrl: string, when: string) => {
        const runs: readonly (readonly [string, (folder: string) => Promise<Ended>])[] = [
          ["pip", (folder) => pip("install", ["--target", folder, "kept-lib"], { folder, indexUrl })],
          ["uv", (folder) => uv(["pip", "install", "--target", folder, "kept-lib"], { folder, indexUrl })],
        ];
        for (const [client, run] of runs) bench.succeeded(await run(bench.newFolder("install")), `${client} install, ${when}`);
      };
      await install(first.indexUrl, "while the index is there");
      await first.end("SIGTERM");
      await upstream.down();
      const mirror = await bench.mirror(settings);
      // Past its time to live: what is served now is served because the index fails.
      await sleep(1_100);
      await install(mirror.indexUrl, "while the index is down");
      for (const [what, url] of [
        ["page", mirror.page("unasked-lib")],
        ["list", mirror.indexUrl],
      ] as const) {
        const { status } = await ask(url, { headers: { accept: PIP_ACCEPT } });
        bench.check(GATEWAY_STATUSES.includes(status), `${what} that was never asked for: status ${status}`);
      }
      await upstream.up();
      const list = await untilOk(mirror.indexUrl);
      bench.check(list.body.toString().includes("unasked-lib"), `the list, once the index is back: status ${list.status}`);
      bench.same((await untilOk(mirror.page("unasked-lib"))).status, 200, "the page, once the index is back");
    },
  },
  {
    id: 13,
    title: "of two indexes that know a name only its pinned owner is asked, and else the first wins",
    needs: ["pip"],
    async run(bench) {
      const [open, own] = [await bench.upstream(), await bench.upstream()];
      open.publish(wheel({ name: "inner-lib", version: "9.0" }));
      own.publish(wheel({ name: "inner-lib", version: "1.0" }));
      open.publish(wheel({ name: "shared-lib", version: "1.0" }));
      own.publish(wheel({ name: "shared-lib", version: "2.0" }));
      own.publish(wheel({ name: "own-lib", version: "3.0" }));
      const mirror = await bench.mirror({
        indexUrl: open.indexUrl,
        extraIndexUrls: [own.indexUrl],
        ...(bench.subject.hasPolicy && { yaml: PINNED }),
      });
      bench.same(await versionsOf(mirror, "inner-lib"), ["inner_lib-1.0-py3-none-any.whl"], "files of the pinned name");
      bench.same(await versionsOf(mirror, "shared-lib"), ["shared_lib-1.0-py3-none-any.whl"], "files of a name that both have");
      bench.same(await versionsOf(mirror, "own-lib"), ["own_lib-3.0-py3-none-any.whl"], "files of a name that only the second has");
      const folder = bench.newFolder("pinned");
      const ended = await pip("install", [...DRY_RUN, "inner-lib"], { folder, indexUrl: mirror.indexUrl });
      if (bench.succeeded(ended, "pip install of the pinned name")) bench.same(reported(ended), ["inner-lib 1.0"], "what pip picks");
      const asked = open.requests.filter(({ path }) => path.includes("inner")).length;
      bench.same(asked, 0, "requests for the pinned name that the other index got");
    },
  },
  {
    id: 14,
    title: "credentials of an index are in no body, header, redirect, log, health or metrics, and go to no other host",
    needs: [],
    async run(bench) {
      const [upstream, elsewhere] = [await bench.upstream({ links: "relative" }), await bench.upstream()];
      const secret = { username: "robot", password: "Tr0ub4dor-and-3" };
      upstream.credentials = secret;
      const slow = upstream.publish(heavyWheel("slow-lib", "1.0", 600 * KIB));
      upstream.faults.set(slow.path, { bytesPerSecond: 400 * KIB });
      const moved = upstream.publish(wheel({ name: "moved-lib", version: "1.0" }));
      elsewhere.publish(moved);
      upstream.faults.set(moved.path, { redirectTo: `${elsewhere.origin}${moved.path}` });
      for (const name of ["broken-lib", "refused-lib", "reset-lib"]) upstream.publish(wheel({ name, version: "1.0" }));
      upstream.faults.set(pagePath("broken-lib"), { status: 500 });
      upstream.faults.set(pagePath("reset-lib"), { truncateAfterBytes: 20 });
      const indexUrl = upstream.indexUrl.replace("//", `//${secret.username}:${secret.password}@`);
      const mirror = await bench.mirror({ indexUrl });
      const answers: (readonly [string, Answer])[] = [];
      const look = async (url: string, method = "GET", accept = PIP_ACCEPT): Promise<Answer> => {
        const answer = await ask(url, { method, headers: { accept } });
        answers.push([`${method} ${new URL(url).pathname}`, answer]);
        const { location } = answer.headers;
        // As pip would; where it leads may not tell anything either.
        return location === undefined ? answer : follow(new URL(location, url));
      };
      const page = await look(mirror.page("slow-lib"));
      bench.same(page.status, 200, "a page of an index that wants credentials");
      const file = await look(mirror.file("slow-lib", slow.filename));
      bench.check(file.body.equals(slow.bytes), `a file of an index that wants credentials: status ${file.status}`);
      const movedFile = await look(mirror.file("moved-lib", moved.filename));
      bench.check(movedFile.body.equals(moved.bytes), `a file that another host has: status ${movedFile.status}`);
      await look(`${mirror.file("slow-lib", slow.filename)}.metadata`);
      await look(mirror.page("slow-lib"), "GET", "text/html");
      for (const project of ["broken-lib", "reset-lib", "no-such-lib"]) await look(mirror.page(project));
      await look(mirror.file("slow-lib", "no-such-file-1.0.tar.gz"));
      upstream.credentials = { username: "robot", password: "changed" };
      await look(mirror.page("refused-lib"));
      await upstream.down();
      await look(mirror.page("unreachable-lib"));
      for (const path of ["/", "/health", "/metrics", "/explain/slow-lib", "/explain/broken-lib"]) await look(`${mirror.origin}${path}`);
      await look(mirror.indexUrl);
      await look(`${mirror.origin}/cache/slow-lib`, "DELETE");
      const traces = tracesOf(secret.username, secret.password);
      for (const [what, { status, headers, body }] of answers) {
        const text = `${JSON.stringify(headers)}\n${body.toString("latin1")}`;
        for (const trace of traces) bench.check(!text.includes(trace), `${what} (${status}) tells ${trace}`);
      }
      for (const trace of traces) bench.check(!mirror.log.includes(trace), `the log tells ${trace}`);
      const told = elsewhere.requests.filter(({ headers }) => headers.authorization !== undefined).length;
      bench.same(told, 0, "requests to another host with credentials");
    },
  },
  {
    id: 15,
    title: "yanked, too new for this Python, too young and denied files are not installed, and the last two not served either",
    needs: ["pip"],
    async run(bench) {
      const upstream = await bench.upstream();
      const now = Date.now();
      const publish = (name: string, version: string, options: Parameters<Upstream["publish"]>[1] = {}, more: Partial<Distribution> = {}) =>
        upstream.publish({ ...wheel({ name, version, ...(more.requiresPython && { requiresPython: more.requiresPython }) }) }, options);
      publish("yanked-lib", "1.0");
      publish("yanked-lib", "1.1", { yanked: "it was broken" });
      publish("picky-lib", "1.0");
      publish("picky-lib", "2.0", {}, { requiresPython: ">=99" });
      publish("young-lib", "1.0", { uploadTime: new Date(now - 30 * DAY_MS).toISOString() });
      const young = publish("young-lib", "1.1", { uploadTime: new Date(now - DAY_MS).toISOString() });
      publish("partly-denied", "1.0");
      const denied = publish("partly-denied", "2.0");
      const evil = publish("evil-lib", "1.0");
      const undated = publish("undated-lib", "1.0");
      const listed = {
        filename: undated.filename,
        url: `${upstream.origin}${undated.path}`,
        hashes: { sha256: undated.sha256 },
        "core-metadata": true,
      };
      upstream.answer(
        pagePath("undated-lib"),
        JSON_TYPE,
        JSON.stringify({ meta: { "api-version": "1.0" }, name: "undated-lib", files: [listed] }),
      );

      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, ...(bench.subject.hasPolicy && { yaml: POLICY }) });
      const folder = bench.newFolder("policy");
      const dryRun = (...names: string[]) => pip("install", [...DRY_RUN, ...names], { folder, indexUrl: mirror.indexUrl });
      const picked = await dryRun("yanked-lib", "picky-lib", "young-lib", "partly-denied");
      if (bench.succeeded(picked, "pip install of what remains")) {
        bench.same(reported(picked), ["partly-denied 1.0", "picky-lib 1.0", "yanked-lib 1.0", "young-lib 1.0"], "what pip picks");
      }
      for (const name of ["evil-lib", "undated-lib"]) bench.check((await dryRun(name)).status !== 0, `pip finds ${name}`);
      for (const { project, filename } of [young, denied, evil, undated]) {
        const names = await versionsOf(mirror, project);
        bench.check(!names.includes(filename), `the page of ${project} lists ${filename}`);
        for (const suffix of ["", ".metadata"]) {
          const direct = await ask(`${mirror.file(project, filename)}${suffix}`);
          bench.same(direct.status, 403, `the direct address of ${filename}${suffix}`);
        }
        if (bench.subject.hasPolicy) await checkExplained(bench, mirror, project, filename);
      }
      bench.same(upstream.count(young.path) + upstream.count(evil.path), 0, "requests to the index for files that are withheld");
    },
  },
];

/** The first index is index-1, those of EXTRA_INDEX_URLS follow. */
const PINNED = `  pins:
    inner-*: index-2
`;

const POLICY = `  policy:
    cooldown: 7d
    rules:
      - deny: evil-*
        reason: it is evil
      - deny: partly-denied
        versions: ">=2"
`;

async function versionsOf(mirror: Mirror, project: string): Promise<string[]> {
  const { status, body } = await ask(mirror.page(project), { headers: { accept: PIP_ACCEPT } });
  if (status !== 200) return [];
  return JSON.parse(body.toString()).files.map((file: { filename: string }) => file.filename);
}

/** Of a project that is denied whole no files are told: what they are only the index knows, and it is not asked. */
async function checkExplained(bench: Bench, mirror: Mirror, project: string, filename: string): Promise<void> {
  const { status, body } = await ask(`${mirror.origin}/explain/${project}`);
  const explanation: { hidden?: { filename: string }[]; hiddenCount?: number | null; summary?: string } =
    status === 200 ? JSON.parse(body.toString()) : {};
  if (explanation.hiddenCount === null) {
    bench.check(/evil-\*/.test(explanation.summary ?? ""), `what /explain/${project} says: ${explanation.summary}`);
    return;
  }
  const hidden = explanation.hidden?.map((file) => file.filename) ?? `status ${status}`;
  bench.same(hidden, [filename], `what /explain/${project} says is hidden`);
}

/** Credentials within an address are sent, as clients do. */
function follow(target: URL): Promise<Answer> {
  const { username, password } = target;
  target.username = "";
  target.password = "";
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return ask(target.href, username === "" ? {} : { headers: { authorization } });
}

/** The forms in which a password gets about. The user's name alone is no secret. */
function tracesOf(username: string, password: string): string[] {
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return [password, encodeURIComponent(password), basic, Buffer.from(password).toString("base64").replace(/=+$/, "")];
}

/** A gateway may believe for a while that nobody is there. */
async function untilOk(url: string): Promise<Answer> {
  const deadlineMs = performance.now() + RECOVERY_MS;
  for (;;) {
    const answer = await ask(url, { headers: { accept: PIP_ACCEPT } });
    if (answer.status === 200 || performance.now() > deadlineMs) return answer;
    await sleep(100);
  }
}
