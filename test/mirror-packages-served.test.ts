/** Files of the folder of packages, as a mirror serves them while somebody else changes them. */
import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../src/base/sha256.ts";
import { ask } from "./support/mirror/ask.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";

mirrorTest(
  "a file that is written over is sent under its own hash from that moment on, though nothing but its content is another",
  async (bench) => {
    const folder = bench.newFolder("wheels");
    const filename = "demo-1.0.tar.gz";
    // With a time long ago, as a copied file has it.
    const put = (content: string) => {
      writeFileSync(join(folder, filename), content);
      utimesSync(join(folder, filename), 1_700_000_000, 1_700_000_000);
    };
    put("one");
    const upstream = await bench.upstream();
    const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, args: ["--packages", folder] });
    const served = async () => {
      const { status, headers, body } = await ask(mirror.file("demo", filename));
      return [status, headers.etag, body.toString()];
    };
    for (const content of ["one", "two", "six"]) {
      put(content);
      bench.same(await served(), [200, `"${sha256(content)}"`, content], `the file with "${content}" in it`);
      bench.same(await served(), [200, `"${sha256(content)}"`, content], `the same, asked for again`);
    }
    rmSync(join(folder, filename));
    bench.same((await served())[0], 404, "the file that is gone");
    bench.same(upstream.requests.length, 0, "requests to an index for what is the folder's");
  },
);
