/** Hostile input from both sides: what clients ask for, and what an index answers. The mirror goes on serving, within its memory and its folder. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type Answer, ask, download, PIP_ACCEPT } from "./support/mirror/ask.ts";
import type { Bench } from "./support/mirror/conformance.ts";
import { digest, wheel } from "./support/mirror/distributions.ts";
import type { Faults } from "./support/mirror/faults.ts";
import { mirrorTest, peakMemoryBytes } from "./support/mirror/row-tests.ts";
import type { Mirror } from "./support/mirror/subject.ts";
import { pagePath, type Upstream } from "./support/mirror/upstream-double.ts";
import { JSON_TYPE, type Published } from "./support/mirror/upstream-pages.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** The machine that the mirror must fit into. */
const MEMORY_MAX_BYTES = 512 * MIB;
const SECRET = "TOP-SECRET-OF-THE-MACHINE";
/** What is kept of an index's failure: a gateway's own words for it. */
const GATEWAY_STATUSES = [502, 503, 504];

const ODD_NAMES = [
  ["..", "%2e%2e", ".%2e", "...", "%2e", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "..%5c..%5csecret", "%252e%252e%252fetc"],
  ["%00", "a%00b", "a%2fb", "%2f", "-", "_._", "-a", "a-", ".hidden", "%20", "%C3%BC", "%F0%9F%98%80", "%ff%fe", "%c0%ae%c0%ae", "%"],
  ["__proto__", "constructor", "%0d%0aset-cookie:%20x=1", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "a;b", "a%3fb", "a%23b", "a%25", "*"],
  ["a".repeat(2_000), "a".repeat(100_000)],
].flat();

mirrorTest("odd names of projects are refused or not found, and lead nowhere at the index", async (bench) => {
  const { upstream, mirror, healthy } = await running(bench);
  for (const name of ODD_NAMES) {
    for (const [method, path] of [
      ["GET", `/simple/${name}/`],
      ["GET", `/simple/${name}`],
      ["HEAD", `/index/${name}/`],
      ["GET", `/simple/${name}/x-1.0.tar.gz`],
      ["GET", `/explain/${name}`],
      ["DELETE", `/cache/${name}`],
    ] as const) {
      const answer = await ask(`${mirror.origin}${path}`, { method });
      const what = `${method} ${path.slice(0, 60)}`;
      // DELETE of what isn't there may be a success: it is not there afterwards.
      const isFine =
        (answer.status >= 300 && answer.status < 500) || (method === "DELETE" && answer.status === 200) || isHome(path, answer);
      bench.check(isFine, `${what}: status ${answer.status}`);
      bench.check(answer.headers["set-cookie"] === undefined, `${what}: a field was smuggled in`);
      bench.check(!answer.body.toString().includes("<script>alert"), `${what}: markup comes back as markup`);
    }
  }
  const strange = upstream.requests.filter(({ path }) => !/^\/(?:simple\/(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\/)?|files\/.*)$/.test(path));
  bench.same([...new Set(strange.map(({ path }) => path.slice(0, 60)))], [], "paths that the index was asked for");
  await healthy();
});

mirrorTest("file names that climb out of the folder, however they are written, lead to nothing", async (bench) => {
  const { mirror, healthy } = await running(bench);
  writeFileSync(join(bench.folder, "secret.txt"), SECRET);
  const climbs = [
    "../",
    "..%2f",
    "..%5c",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%252f",
    "%c0%ae%c0%ae%c0%af",
    "..;/",
    "....//",
    "..%00/",
    "%uff0e%uff0e/",
  ];
  const names = climbs.flatMap((climb) => [1, 2, 3, 6].map((times) => `${climb.repeat(times)}secret.txt`));
  const others = [
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "/etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
    ".metadata",
    "..metadata",
    ".",
    "%00",
    "x%00.whl",
    "\\\\host\\share",
  ];
  for (const name of [...names, ...names.map((name) => `${name}.metadata`), ...others]) {
    const { status, body } = await ask(`${mirror.indexUrl}sound-lib/${name}`);
    const text = body.toString();
    bench.check(!text.includes(SECRET) && !text.includes("root:"), `${name} tells what lies elsewhere`);
    bench.check(status >= 300 && status < 500, `${name}: status ${status}`);
  }
  await healthy();
});

mirrorTest("file names and addresses of an index that climb out of the folder are kept from clients and from the disk", async (bench) => {
  const { upstream, mirror, cacheDir, sound, healthy } = await running(bench);
  writeFileSync(join(bench.folder, "secret.txt"), SECRET);
  const odd = [
    "../escaped.whl",
    "../../escaped.whl",
    "..",
    ".",
    "",
    "a/b.whl",
    "..\\escaped.whl",
    "a\u0000b.whl",
    `${bench.folder}/escaped.whl`,
  ];
  const marked = [
    '"><script>alert(1)</script>.whl',
    "x\r\nset-cookie: a=1.whl",
    "\u202egnp.whl",
    "x".repeat(5_000),
    "%2e%2e%2fescaped.whl",
  ];
  const listed = (filename: string, url: string) => ({ filename, url, hashes: { sha256: sound.sha256 } });
  const files = [...odd, ...marked].map((filename) => listed(filename, sound.path));
  const unhashed = [
    `file://${bench.folder}/secret.txt`,
    "data:text/plain,x",
    "javascript:alert(1)",
    "ftp://127.0.0.1/x",
    "http://[",
    "//",
  ].map((url, index) => ({ filename: `address-${index}-py3-none-any.whl`, url, hashes: {} }));
  const page = { meta: { "api-version": "1.0" }, name: "odd-lib", files: [...files, ...unhashed, listed(sound.filename, sound.path)] };
  upstream.answer(pagePath("odd-lib"), JSON_TYPE, JSON.stringify(page));
  const before = treeOf(bench.folder, cacheDir);
  const json = await ask(mirror.page("odd-lib"), { headers: { accept: PIP_ACCEPT } });
  bench.same(json.status, 200, "a page with odd names among sound ones");
  const shown: { filename: string; url: string }[] = json.status === 200 ? JSON.parse(json.body.toString()).files : [];
  bench.check(
    shown.some(({ filename }) => filename === sound.filename),
    "the sound file is not shown",
  );
  for (const { filename, url } of shown) {
    const target = new URL(url, mirror.page("odd-lib"));
    const isBelow = /^\/simple\/odd-lib\/[^/\\]+$/.test(decodedOnce(target.pathname)) && target.origin === mirror.origin;
    bench.check(isBelow, `${JSON.stringify(filename).slice(0, 60)} leads to ${target.href.slice(0, 100)}`);
    const { status, body } = await ask(target.href);
    bench.check(!body.toString().includes(SECRET), `${filename.slice(0, 60)}: status ${status}, and tells what lies elsewhere`);
  }
  const html = await ask(mirror.page("odd-lib"), { headers: { accept: "text/html" } });
  bench.check(!html.body.toString().includes("<script"), "markup of a file name comes back as markup");
  for (const { filename } of page.files) await ask(mirror.file("odd-lib", filename));
  bench.same(treeOf(bench.folder, cacheDir), before, "what lies beside the cache folder");
  await healthy();
});

/** What an index may answer for a page, and what a client may be told then. */
const BROKEN_PAGES: readonly (readonly [what: string, contentType: string, text: string])[] = [
  ["no JSON", JSON_TYPE, "<!DOCTYPE html><html></html>"],
  ["half of it", JSON_TYPE, '{"meta":{"api-version":"1.0"},"name":"broken","files":[{"filename":"x-1.0.tar'],
  ["null", JSON_TYPE, "null"],
  ["a list", JSON_TYPE, "[]"],
  ["no files", JSON_TYPE, '{"meta":{"api-version":"1.0"},"name":"broken"}'],
  ["files that are none", JSON_TYPE, '{"meta":{"api-version":"1.0"},"name":"broken","files":7}'],
  // PEP 691: clients must fail on a major version that they don't know.
  ["a version to come", JSON_TYPE, '{"meta":{"api-version":"2.0"},"name":"broken","files":[]}'],
  ["depth", JSON_TYPE, `${"[".repeat(200_000)}${"]".repeat(200_000)}`],
  ["an image", "image/png", "\u0089PNG\r\n\u001a\n"],
  ["a login page", "application/xhtml+xml", "<html><body>Log in</body></html>"],
  ["a type that is none", ";;;", "x"],
];

mirrorTest("pages of a wrong type, or that are not what their type says, are a gateway error and no empty project", async (bench) => {
  const { upstream, mirror, healthy } = await running(bench);
  for (const [index, [what, contentType, text]] of BROKEN_PAGES.entries()) {
    upstream.answer(pagePath(`broken-${index}`), contentType, text);
    const { status, body } = await ask(mirror.page(`broken-${index}`), { headers: { accept: PIP_ACCEPT } });
    bench.check(GATEWAY_STATUSES.includes(status), `${what}: status ${status} ${body.toString().slice(0, 80)}`);
  }
  // The page is sound and only its type is missing: taken or refused, but not misread.
  upstream.faults.set(pagePath("untyped-lib"), { contentType: null });
  const untyped = upstream.publish(wheel({ name: "untyped-lib", version: "1.0" }));
  const { status, body } = await ask(mirror.page("untyped-lib"), { headers: { accept: PIP_ACCEPT } });
  bench.check(
    GATEWAY_STATUSES.includes(status) || (status === 200 && body.toString().includes(untyped.filename)),
    `no type: status ${status}`,
  );
  await healthy();
});

const HUGE: readonly (readonly [what: string, () => Faults])[] = [
  [
    "a page of 2 GB",
    () => ({
      endless: { head: Buffer.from('{"meta":{"api-version":"1.0"},"name":"x","files":['), repeat: fileEntries(), totalBytes: 2 * GIB },
    }),
  ],
  [
    "an HTML page of 2 GB",
    () => ({ contentType: "text/html", endless: { head: Buffer.from("<!DOCTYPE html>"), repeat: anchors(), totalBytes: 2 * GIB } }),
  ],
  ["one line of 2 GB", () => ({ endless: { head: Buffer.from('{"name":"'), repeat: Buffer.alloc(MIB, "x"), totalBytes: 2 * GIB } })],
  ["2 GB of blanks within 2 MB of gzip", () => bomb("gzip", gzipSync(Buffer.alloc(16 * MIB, " ")), 128)],
  ["2 GB of blanks within zstd", () => bomb("zstd", zstdCompressSync(Buffer.alloc(16 * MIB, " ")), 128)],
  ["256 MB of blanks within brotli", () => bomb("br", brotliCompressSync(Buffer.alloc(256 * MIB, " "), { params: { 1: 1 } }), 1)],
  ["gzip within gzip", () => bomb("gzip, gzip", gzipSync(gzipSync(Buffer.alloc(256 * MIB, " "))), 1)],
  ["10 MB of header fields", () => ({ headers: { "x-padding": "x".repeat(10 * MIB) } })],
  [
    "10 MB of many header fields",
    () => ({ headers: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x-${n}`, "x".repeat(1_000)])) }),
  ],
];

mirrorTest("huge pages, bombs and huge headers are a gateway error within the memory of a small machine", async (bench, t) => {
  const { upstream, mirror, healthy } = await running(bench);
  for (const [index, [what, faults]] of HUGE.entries()) {
    const project = `huge-${index}`;
    upstream.publish(wheel({ name: project, version: "1.0" }));
    upstream.faults.set(pagePath(project), { ...faults(), times: 8 });
    const { status } = await ask(mirror.page(project), { headers: { accept: PIP_ACCEPT } });
    bench.check(GATEWAY_STATUSES.includes(status), `${what}: status ${status}`);
    const most = Math.max(...upstream.requestsOf(pagePath(project)).map(({ sentBytes }) => sentBytes));
    bench.check(most < GIB / 2, `${what}: ${most} bytes of it were taken`);
    await healthy();
  }
  upstream.faults.set("/simple/", {
    endless: { head: Buffer.from('{"projects":['), repeat: Buffer.alloc(MIB, '{"name":"a"},'), totalBytes: 2 * GIB },
  });
  const list = await ask(mirror.indexUrl, { headers: { accept: PIP_ACCEPT } });
  bench.check(GATEWAY_STATUSES.includes(list.status), `a list of 2 GB: status ${list.status}`);
  const peak = peakMemoryBytes(mirror);
  t.diagnostic(`at most ${Math.round(peak / MIB)} MiB of memory`);
  bench.check(peak < MEMORY_MAX_BYTES, `${Math.round(peak / MIB)} MiB of memory`);
  await healthy();
});

mirrorTest("redirects that loop, go on for ever or leave the web are a gateway error", async (bench) => {
  const { upstream, mirror, healthy } = await running(bench);
  writeFileSync(join(bench.folder, "secret.txt"), SECRET);
  const chain = (step: number) => `/chain/${step}`;
  for (let step = 0; step < 100; step++) upstream.faults.set(chain(step), { redirectTo: chain(step + 1) });
  const targets = [
    pagePath("moved-0"),
    chain(0),
    `file://${bench.folder}/secret.txt`,
    "ftp://127.0.0.1/",
    "javascript:alert(1)",
    "http://",
    "\\\\",
    "http://127.0.0.1:1/",
  ];
  for (const [index, target] of targets.entries()) {
    for (const status of [301, 302, 307, 308]) {
      const project = `moved-${index}`;
      upstream.faults.set(pagePath(project), { redirectTo: target, status });
      const answer = await ask(mirror.page(project), { headers: { accept: PIP_ACCEPT } });
      bench.check(GATEWAY_STATUSES.includes(answer.status), `${status} to ${target}: status ${answer.status}`);
      bench.check(!answer.body.toString().includes(SECRET), `${status} to ${target} tells what lies elsewhere`);
      await ask(`${mirror.origin}/cache/${project}`, { method: "DELETE" });
    }
  }
  await healthy();
});

interface Running {
  readonly upstream: Upstream;
  readonly mirror: Mirror;
  readonly cacheDir: string;
  readonly sound: Published;
  /** It still gives what is sound: kept, and new. */
  healthy(): Promise<void>;
}

async function running(bench: Bench): Promise<Running> {
  const upstream = await bench.upstream();
  const sound = upstream.publish(wheel({ name: "sound-lib", version: "1.0" }));
  const nest = join(bench.folder, "nest");
  mkdirSync(nest);
  const cacheDir = join(nest, "cache");
  mkdirSync(cacheDir);
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir, readTimeoutSeconds: 5, env: { PILOTLIGHT_RETRIES: "0" } });
  let newCount = 0;
  const healthy = async () => {
    const fresh = upstream.publish(wheel({ name: `fresh-${newCount++}`, version: "1.0" }));
    for (const file of [sound, fresh]) {
      bench.check(
        (await download(mirror.file(file.project, file.filename), file.bytes)).isExact,
        `${file.filename} is not served any more`,
      );
    }
  };
  await healthy();
  return { upstream, mirror, cacheDir, sound, healthy };
}

/** "/simple/" with nothing behind it but dots is the list or the home page, once it is resolved. */
function isHome(path: string, { status }: Answer): boolean {
  return status === 200 && /\/(?:\.|%2e)+\/?(?:x-1\.0\.tar\.gz)?$/i.test(path);
}

function bomb(encoding: string, part: Buffer, times: number): Faults {
  return { endless: { head: Buffer.alloc(0), repeat: part, totalBytes: part.length * times, encoding } };
}

function fileEntries(): Buffer {
  const entry = (n: number) => ({
    filename: `x-${n}.tar.gz`,
    url: `/files/x/x-${n}.tar.gz`,
    hashes: { sha256: digest(Buffer.from(String(n)), "hex") },
  });
  return Buffer.from(Array.from({ length: 2_000 }, (_, n) => `${JSON.stringify(entry(n))},`).join(""));
}

function anchors(): Buffer {
  return Buffer.from(
    Array.from({ length: 2_000 }, (_, n) => `<a href="/files/x/x-${n}.tar.gz#sha256=${"0".repeat(64)}">x-${n}.tar.gz</a>`).join(""),
  );
}

function treeOf(folder: string, without: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  return paths.filter((path) => !path.startsWith(without) && existsSync(path)).sort();
}

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
