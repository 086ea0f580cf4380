/** What the users of real installers see of a policy: uv the reason, pip that there is nothing; of files both an error. */
import { ask, PIP_ACCEPT } from "./support/mirror/ask.ts";
import { wheel } from "./support/mirror/distributions.ts";
import { environment, pip, uv } from "./support/mirror/python-tools.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";
import { pagePath } from "./support/mirror/upstream-double.ts";

const POLICY = `  policy:
    rules:
      - deny: evil-*
        reason: typosquats, ticket 4711
      - deny: partly-lib
        versions: ">=2"
        reason: see the wiki
`;

mirrorTest(
  "a project that is denied whole is refused with its reason, which uv prints, and the index hears nothing of it",
  async (bench, t) => {
    for (const name of ["pip", "uv"] as const) {
      const had = await environment(name);
      if (!had.ok) return t.skip(had.reason);
    }
    const upstream = await bench.upstream();
    const evil = upstream.publish(wheel({ name: "evil-lib", version: "1.0" }));
    const denied = upstream.publish(wheel({ name: "partly-lib", version: "2.0" }));
    const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, yaml: POLICY });
    const asked = async (url: string) => {
      const { status, headers, body } = await ask(url, { headers: { accept: PIP_ACCEPT } });
      return { status, type: headers["content-type"], problem: JSON.parse(body.toString()) };
    };
    const page = await asked(mirror.page("evil-lib"));
    const why = '"evil-lib" is withheld: typosquats, ticket 4711. See /explain/evil-lib';
    bench.same([page.status, page.type], [451, "application/problem+json"], "the page of a denied project");
    bench.same(page.problem, { status: 451, detail: why, error: { code: "HIDDEN_BY_POLICY", message: why } }, "what it says");
    bench.same((await asked(mirror.file("evil-lib", evil.filename))).status, 403, "its file");
    const file = await asked(mirror.file("partly-lib", denied.filename));
    bench.same([file.status, file.problem.detail.includes("see the wiki")], [403, true], "a denied file");

    const folder = bench.newFolder("uv");
    const byUv = await uv(["pip", "install", "--target", bench.newFolder("target"), "evil-lib"], { folder, indexUrl: mirror.indexUrl });
    bench.check(byUv.status !== 0 && byUv.stderr.includes(why), `uv says: ${byUv.stderr}`);
    bench.check(!/credential/i.test(byUv.stderr), `uv speaks of credentials: ${byUv.stderr}`);
    const byPip = await pip("install", ["--dry-run", "evil-lib"], { folder, indexUrl: mirror.indexUrl });
    bench.check(byPip.status !== 0 && byPip.stderr.includes("No matching distribution found for evil-lib"), `pip says: ${byPip.stderr}`);
    const told = JSON.parse((await ask(`${mirror.origin}/explain/evil-lib`)).body.toString());
    bench.same([told.data?.rule ?? told.rule, (told.data ?? told).fileCount], ["deny evil-*", null], "what /explain tells of it");
    bench.same(upstream.count(pagePath("evil-lib")) + upstream.count(evil.path), 0, "requests to the index for what is denied");

    const { body } = await ask(`${mirror.origin}/metrics`);
    const refusals = /^pilotlight_mirror_policy_refusals_total\{rule="deny evil-\*"\} (\d+)$/m.exec(body.toString())?.[1];
    bench.check(Number(refusals) >= 4, `refusals that were counted: ${refusals}`);
  },
);
