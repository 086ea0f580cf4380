/** Rows in which the real pip and the real uv install through the mirror: what they pick, what they fetch, and whether it runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, PIP_ACCEPT } from "../ask.ts";
import type { Bench, Row } from "../conformance.ts";
import { bundledWheels, type Distribution, digest, heavyWheel, sdist, wheel } from "../distributions.ts";
import { type Ended, pip, python, uv } from "../python-tools.ts";
import { startTap } from "../tap.ts";
import type { Upstream } from "../upstream-double.ts";

const MIB = 1024 * 1024;

/** An application, what it needs, an extra among that, and newer versions that it doesn't want. */
const APPLICATION = [
  wheel({
    name: "App.Core",
    version: "1.0",
    requires: ["lib_one>=1", "lib-two[fast]<3,>=2", 'no-such-lib; python_version < "3"'],
    modules: {
      "app_core.py": "import lib_one, lib_two, lib_fast\nprint(lib_one.__version__, lib_two.__version__, lib_fast.__version__)\n",
    },
  }),
  wheel({ name: "lib-one", version: "1.0" }),
  wheel({ name: "lib-one", version: "1.5" }),
  wheel({ name: "lib-two", version: "2.0", extras: ["fast"], requires: ['lib-fast; extra == "fast"'] }),
  wheel({ name: "lib-two", version: "3.0" }),
  wheel({ name: "lib-fast", version: "0.9" }),
] as const;
const CHOSEN = ["App_Core-1.0", "lib_one-1.5", "lib_two-2.0", "lib_fast-0.9"];

export const CLIENT_ROWS: readonly Row[] = [
  {
    id: 1,
    title: "pip download gives the index's own bytes, and a second time asks the index nothing",
    needs: ["pip"],
    async run(bench) {
      const upstream = await bench.upstream();
      const { wheels, lookedIn } = bundledWheels();
      const real = ["pip", "setuptools"].flatMap((project) => wheels.filter((file) => file.project === project).at(-1) ?? []);
      if (real.length === 0) bench.note(`generated wheels only: there are no bundled ones in ${lookedIn.join(", ")}`);
      for (const file of wheels) upstream.publish(file);
      const wanted = [...real, wheel({ name: "plain-lib", version: "1.0" })];
      for (const file of wanted) upstream.publish(file);
      const { indexUrl } = await bench.mirror({ indexUrl: upstream.indexUrl });
      for (const round of ["cold", "warm"]) {
        const [folder, askedBefore] = [bench.newFolder(round), upstream.requests.length];
        const names = wanted.map(({ project, version }) => `${project}==${version}`);
        if (!bench.succeeded(await pip("download", ["--no-deps", "-d", folder, ...names], { folder, indexUrl }), `pip download, ${round}`))
          return;
        for (const { filename, sha256 } of wanted)
          bench.same(digest(readFileSync(join(folder, filename)), "hex"), sha256, `${filename}, ${round}`);
        if (round === "warm") bench.same(upstream.requests.length - askedBefore, 0, "requests to the index when warm");
      }
    },
  },
  {
    id: 2,
    title: "a tree of dependencies with extras installs with required hashes, and runs",
    needs: ["pip", "uv"],
    async run(bench) {
      const upstream = await publish(bench, APPLICATION);
      const { indexUrl } = await bench.mirror({ indexUrl: upstream.indexUrl });
      const folder = bench.newFolder("requirements");
      const pinned = CHOSEN.map((stem) => APPLICATION.find(({ filename }) => filename.startsWith(`${stem}-`))!);
      const lines = pinned.map((file) => `${file.project}==${file.version} --hash=sha256:${file.sha256}\n`);
      writeFileSync(join(folder, "requirements.txt"), lines.join(""));
      const hashed = ["--require-hashes", "-r", join(folder, "requirements.txt")];
      const installs: readonly (readonly [string, (target: string) => Promise<Ended>])[] = [
        ["pip install --require-hashes", (target) => pip("install", ["--target", target, ...hashed], { folder, indexUrl })],
        ["uv pip install --require-hashes", (target) => uv(["pip", "install", "--target", target, ...hashed], { folder, indexUrl })],
        ["pip install by name alone", (target) => pip("install", ["--target", target, "app-core"], { folder, indexUrl })],
        ["uv pip install by name alone", (target) => uv(["pip", "install", "--target", target, "app-core"], { folder, indexUrl })],
      ];
      for (const [what, install] of installs) {
        const target = bench.newFolder("target");
        if (!bench.succeeded(await install(target), what)) continue;
        bench.same((await python("import app_core", target)).stdout, "1.5 2.0 0.9\n", `what the application says after ${what}`);
      }
    },
  },
  {
    id: 3,
    title: "a dry run with a report fetches metadata alone, and its hash is the one that was advertised",
    needs: ["pip"],
    async run(bench) {
      const upstream = await publish(bench, APPLICATION);
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      const tap = bench.use(await startTap(mirror.origin));
      const throughTap = { folder: bench.newFolder("dry"), indexUrl: mirror.indexUrl.replace(mirror.origin, tap.origin) };
      const ended = await pip("install", ["--dry-run", "--quiet", "--ignore-installed", "--report", "-", "app-core"], throughTap);
      if (!bench.succeeded(ended, "pip install --dry-run --report")) return;
      bench.same(reported(ended), ["app-core 1.0", "lib-fast 0.9", "lib-one 1.5", "lib-two 2.0"], "what the report would install");
      const fetched = (asked: readonly { path: string }[]) => asked.filter(({ path }) => path.endsWith(".whl")).length;
      bench.same(fetched(tap.requests), 0, "wheels that pip fetched");
      bench.same(fetched(upstream.requests), 0, "wheels that the mirror fetched");
      const [application] = APPLICATION;
      const page = JSON.parse((await ask(mirror.page("app-core"), { headers: { accept: PIP_ACCEPT } })).body.toString());
      const listed = page.files.find((file: { filename: string }) => file.filename === application.filename);
      const advertised = (listed?.["core-metadata"] ?? listed?.["dist-info-metadata"])?.sha256;
      const served = await ask(`${mirror.file("app-core", application.filename)}.metadata`);
      bench.same(advertised, digest(application.metadata!, "hex"), "the advertised hash");
      bench.same(digest(served.body, "hex"), advertised, "the hash of the metadata that is served");
    },
  },
  {
    id: 4,
    title: "pip --uploaded-prior-to and uv --exclude-newer pick the older version",
    needs: ["pip", "uv"],
    async run(bench) {
      const upstream = await bench.upstream();
      upstream.publish(wheel({ name: "aged-lib", version: "1.0" }), { uploadTime: "2021-05-05T05:05:05.123456Z" });
      upstream.publish(wheel({ name: "aged-lib", version: "2.0" }), { uploadTime: "2024-06-06T06:06:06Z" });
      const { indexUrl } = await bench.mirror({ indexUrl: upstream.indexUrl });
      const folder = bench.newFolder("aged");
      const dryRun = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-"];
      const byPip = await pip("install", [...dryRun, "--uploaded-prior-to", "2023-01-01T00:00:00Z", "aged-lib"], { folder, indexUrl });
      if (bench.succeeded(byPip, "pip install --uploaded-prior-to")) bench.same(reported(byPip), ["aged-lib 1.0"], "what pip picks");
      writeFileSync(join(folder, "aged.in"), "aged-lib\n");
      const compile = ["pip", "compile", "aged.in", "--no-header", "--no-annotate", "--exclude-newer", "2023-01-01T00:00:00Z"];
      const byUv = await uv(compile, { folder, indexUrl });
      if (bench.succeeded(byUv, "uv pip compile --exclude-newer")) bench.same(byUv.stdout.trim(), "aged-lib==1.0", "what uv picks");
    },
  },
  {
    id: 5,
    title: "without metadata files pip's fast-deps and uv read the end of a wheel by ranges, less than a tenth of it",
    needs: ["pip", "uv"],
    async run(bench) {
      const upstream = await bench.upstream({ coreMetadata: false });
      const heavy = upstream.publish(heavyWheel("heavy-lib", "1.0", 8 * MIB));
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      const folder = bench.newFolder("ranges");
      writeFileSync(join(folder, "heavy.in"), "heavy-lib\n");
      const dryRun = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-", "--use-feature=fast-deps", "heavy-lib"];
      const clients: readonly (readonly [string, (indexUrl: string) => Promise<Ended>])[] = [
        ["pip", (indexUrl) => pip("install", dryRun, { folder, indexUrl })],
        ["uv", (indexUrl) => uv(["pip", "compile", "heavy.in"], { folder, indexUrl })],
      ];
      for (const [client, run] of clients) {
        const tap = bench.use(await startTap(mirror.origin));
        if (!bench.succeeded(await run(mirror.indexUrl.replace(mirror.origin, tap.origin)), client)) continue;
        const fetched = tap.requests.filter(({ method, path }) => method === "GET" && path.endsWith(".whl"));
        bench.check(fetched.length > 0, `${client} fetched nothing of the wheel`);
        bench.same([...new Set(fetched.map(({ status }) => status))], [206], `status of what ${client} fetched`);
        const bytes = fetched.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
        bench.check(bytes < heavy.bytes.length / 10, `${client} fetched ${bytes} of ${heavy.bytes.length} bytes`);
      }
    },
  },
  {
    id: 18,
    title: "an sdist comes without a Content-Encoding, and its in-tree backend builds",
    needs: ["pip", "uv"],
    async run(bench) {
      const upstream = await bench.upstream();
      const source = upstream.publish(sdist("built-lib", "1.0"));
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      for (const [round, accept] of ["gzip", "gzip, deflate", "identity", "br, zstd, gzip"].entries()) {
        const { status, headers, body } = await ask(mirror.file("built-lib", source.filename), { headers: { "accept-encoding": accept } });
        bench.same([status, digest(body, "hex")], [200, source.sha256], `the sdist for Accept-Encoding: ${accept} (request ${round + 1})`);
        bench.same(headers["content-encoding"] ?? null, null, `Content-Encoding for Accept-Encoding: ${accept} (request ${round + 1})`);
      }
      const installs: readonly (readonly [string, (folder: string) => Promise<Ended>])[] = [
        [
          "pip",
          (folder) => pip("install", ["--target", folder, "--no-binary", ":all:", "built-lib"], { folder, indexUrl: mirror.indexUrl }),
        ],
        [
          "uv",
          (folder) =>
            uv(["pip", "install", "--target", folder, "--no-binary", ":all:", "built-lib"], { folder, indexUrl: mirror.indexUrl }),
        ],
      ];
      for (const [client, install] of installs) {
        const folder = bench.newFolder("sdist");
        if (!bench.succeeded(await install(folder), `${client} install of the sdist`)) continue;
        bench.same(
          (await python("import built_lib; print(built_lib.__version__)", folder)).stdout,
          "1.0\n",
          `the module that ${client} built`,
        );
      }
    },
  },
];

async function publish(bench: Bench, distributions: readonly Distribution[]): Promise<Upstream> {
  const upstream = await bench.upstream();
  for (const file of distributions) upstream.publish(file);
  return upstream;
}

/** Names and versions that a report of pip would install, in order. */
export function reported({ stdout }: Ended): string[] {
  const report: { install: { metadata: { name: string; version: string } }[] } = JSON.parse(stdout);
  return report.install.map(({ metadata }) => `${metadata.name.toLowerCase().replace(/[-_.]+/g, "-")} ${metadata.version}`).sort();
}
