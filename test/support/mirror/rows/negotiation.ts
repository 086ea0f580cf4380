/** Rows about names and forms: PEP 503's normalisation, PEP 691's negotiation, and HTML that real indexes are made of. */
import { ask, PIP_ACCEPT, UV_ACCEPT } from "../ask.ts";
import type { Row } from "../conformance.ts";
import { digest, sdist, wheel } from "../distributions.ts";
import { pip } from "../python-tools.ts";
import type { Mirror } from "../subject.ts";
import { pagePath } from "../upstream-double.ts";
import { JSON_TYPE, type Published } from "../upstream-pages.ts";

const HTML_TYPE = "application/vnd.pypi.simple.v1+html";
const ANY = [JSON_TYPE, HTML_TYPE, "text/html"];

interface Case {
  /** Null sends no Accept. */
  readonly accept: string | null;
  readonly types: readonly string[];
  /** PEP 691 leaves it to the server whether it refuses or sends its default when nothing fits. */
  readonly mayRefuse?: true;
}

const CASES: readonly Case[] = [
  { accept: null, types: ANY },
  { accept: "*/*", types: ANY },
  { accept: PIP_ACCEPT, types: [JSON_TYPE] },
  { accept: UV_ACCEPT, types: [JSON_TYPE] },
  { accept: "text/html", types: ["text/html"] },
  { accept: "Text/HTML; q=1.0", types: ["text/html"] },
  { accept: "text/*", types: ["text/html"] },
  { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", types: ["text/html"] },
  // PEP 691 has text/html as another name of it.
  { accept: HTML_TYPE, types: [HTML_TYPE, "text/html"] },
  // "latest" is asked for, the version that it stands for is answered (PEP 691).
  { accept: "application/vnd.pypi.simple.latest+json", types: [JSON_TYPE] },
  { accept: `${JSON_TYPE};q=0.2, text/html;q=0.9`, types: ["text/html"] },
  { accept: `${JSON_TYPE};q=0.9, text/html;q=0.2`, types: [JSON_TYPE] },
  { accept: `${JSON_TYPE};q=0, */*;q=0.1`, types: [HTML_TYPE, "text/html"] },
  { accept: `${JSON_TYPE};q=0, ${HTML_TYPE};q=0, text/html`, types: ["text/html"] },
  { accept: `*/*;q=0.1, ${JSON_TYPE}`, types: [JSON_TYPE] },
  { accept: "application/json", types: ANY, mayRefuse: true },
  { accept: "application/vnd.pypi.simple.v2+json", types: ANY, mayRefuse: true },
  { accept: `application/vnd.pypi.simple.v2+json, ${HTML_TYPE};q=0.1`, types: [HTML_TYPE, "text/html"] },
  { accept: "image/png, */*;q=0", types: ANY, mayRefuse: true },
  { accept: ",, ;;q=x/", types: ANY, mayRefuse: true },
];

export const NEGOTIATION_ROWS: readonly Row[] = [
  {
    id: 10,
    title: "a name in any spelling, and without its slash, leads to one page that the index was asked for once",
    needs: ["pip"],
    async run(bench) {
      const upstream = await bench.upstream();
      for (const name of ["num-py", "zope-interface"]) upstream.publish(wheel({ name, version: "1.0" }));
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      const spellings = ["num-py/", "Num.Py/", "NUM__PY/", "num-.-py/", "num-py", "zope_interface/", "Zope.Interface"];
      for (const spelling of spellings) {
        const page = await followed(`${mirror.indexUrl}${spelling}`);
        bench.same(
          [page.status, page.json?.name],
          [200, spelling.startsWith("z") || spelling.startsWith("Z") ? "zope-interface" : "num-py"],
          spelling,
        );
        bench.check(page.url.endsWith("/"), `${spelling}: the page is at an address without a slash at its end`);
      }
      bench.same(upstream.count(pagePath("num-py")), 1, "requests for the page of num-py");
      bench.same(upstream.count(pagePath("zope-interface")), 1, "requests for the page of zope-interface");
      const strange = upstream.requests.map(({ path }) => path).filter((path) => /^\/simple\/./.test(path) && path !== path.toLowerCase());
      bench.same(strange, [], "requests by a name that is not normalised");
      const folder = bench.newFolder("names");
      bench.succeeded(
        await pip("download", ["--no-deps", "-d", folder, "Zope_Interface", "NUM.py"], { folder, indexUrl: mirror.indexUrl }),
        "pip",
      );
      await ask(`${mirror.origin}/cache/Num.Py`, { method: "DELETE" });
      await ask(mirror.page("num-py"), { headers: { accept: PIP_ACCEPT } });
      bench.same(upstream.count(pagePath("num-py")), 2, "requests for the page of num-py after it was forgotten by another spelling");
    },
  },
  {
    id: 11,
    title: "every Accept gets the type it prefers, with Vary, and 406 only when nothing is acceptable",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const file = upstream.publish(wheel({ name: "form-lib", version: "1.0" }));
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      for (const [what, url, mention] of [
        ["page", mirror.page("form-lib"), file.filename],
        ["list", mirror.indexUrl, "form-lib"],
      ] as const) {
        for (const { accept, types, mayRefuse } of CASES) {
          const where = `${what}, Accept: ${accept ?? "(none)"}`;
          const { status, headers, body } = await ask(url, accept === null ? {} : { headers: { accept } });
          if (mayRefuse === true && (status === 406 || status === 400 || status === 300)) continue;
          bench.same(status, 200, where);
          if (status !== 200) continue;
          const type = mediaType(headers["content-type"]);
          bench.check(types.includes(type), `${where}: ${type}`);
          bench.check(/(?:^|,)\s*(?:accept|\*)\s*(?:,|$)/i.test(headers.vary ?? ""), `${where}: Vary is ${headers.vary ?? "missing"}`);
          const text = body.toString();
          bench.check(text.includes(mention), `${where}: the content doesn't name ${mention}`);
          bench.check(type === JSON_TYPE ? parses(text) : /^\s*<!doctype html>/i.test(text), `${where}: the content is not of its type`);
        }
      }
    },
  },
  {
    id: 17,
    title: "an HTML index with entities, comments and anchors over several lines gives the same JSON as a JSON index",
    needs: [],
    async run(bench) {
      const files = [
        wheel({ name: "tricky", version: "1.0", requiresPython: ">=3.8,<4" }),
        wheel({ name: "tricky", version: "1.1" }),
        sdist("tricky", "1.2"),
        wheel({ name: "tricky", version: "1.3+local.1" }),
      ];
      const answers = [];
      for (const format of ["json", "html"] as const) {
        const upstream = await bench.upstream({ format });
        const published = files.map((file) => upstream.publish(file));
        const truth = trickyFiles(published);
        if (format === "json") {
          const page = { meta: { "api-version": "1.0" }, name: "tricky", files: truth };
          upstream.answer(pagePath("tricky"), JSON_TYPE, JSON.stringify(page));
        } else upstream.answer(pagePath("tricky"), "text/html; charset=UTF-8", trickyHtml(published, upstream.origin));
        const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
        const got = comparable(await filesOf(mirror, "tricky"));
        bench.same(got, comparable(truth), `files by way of ${format}`);
        answers.push(got);
        for (const file of published) {
          const { body } = await ask(mirror.file("tricky", file.filename));
          bench.same(digest(body, "hex"), file.sha256, `${file.filename} by way of ${format}`);
        }
      }
      bench.same(answers[1], answers[0], "what comes of HTML, held against what comes of JSON");
    },
  },
];

interface ListedFile {
  readonly filename: string;
  readonly url?: string;
  readonly hashes: Readonly<Record<string, string>>;
  readonly "requires-python"?: string | null;
  readonly yanked?: boolean | string;
  readonly "core-metadata"?: boolean | Readonly<Record<string, string>>;
  readonly "dist-info-metadata"?: boolean | Readonly<Record<string, string>>;
  readonly "gpg-sig"?: boolean | null;
}

/** What the page below says, as JSON. */
function trickyFiles(published: readonly Published[]): ListedFile[] {
  const [first, second, third, fourth] = published.map(({ filename, path, sha256 }) => ({
    filename,
    url: `../..${path}`,
    hashes: { sha256 },
  }));
  return [
    { ...first!, "requires-python": ">=3.8,<4", "core-metadata": { sha256: digest(published[0]!.metadata!, "hex") } },
    { ...second!, yanked: 'it is "broken" & <sad>' },
    { ...third!, yanked: true, "gpg-sig": false },
    { ...fourth! },
  ];
}

function trickyHtml(published: readonly Published[], origin: string): string {
  const [first, second, third, fourth] = published as [Published, Published, Published, Published];
  return `<!DOCTYPE html>
<HTML><head><meta name=pypi:repository-version content='1.0'><title>Links &amp; more</title></head>
<body><h1>Links for tricky</h1>
<!-- <a href="../..${first.path.replace("1.0", "0.9")}">tricky-0.9-py3-none-any.whl</a> -->
<a
  href="../..${first.path}#sha256=${first.sha256}"
  data-requires-python="&gt;=3.8,&lt;4"
  data-core-metadata="sha256=${digest(first.metadata!, "hex")}"
  data-dist-info-metadata="sha256=${digest(first.metadata!, "hex")}"
  >
    ${first.filename}
</a><br/>
<A rel=internal HREF='${origin}${second.path}#sha256=${second.sha256}' DATA-YANKED='it is &quot;broken&quot; &amp; &lt;sad&#62;'
>${second.filename.replaceAll("-", "&#45;").replaceAll(".", "&#x2e;")}</A><br>
<a href=${third.path}#sha256=${third.sha256} data-gpg-sig=false data-yanked>${third.filename}</a>
<p><a href="../..${fourth.path}#sha256=${fourth.sha256}">${fourth.filename}</a>
</body></HTML>
`;
}

/** Without the address, which is the mirror's own affair, and with one way to say that nothing is said. */
function comparable(files: readonly ListedFile[]): unknown[] {
  return files
    .map((file) => ({
      filename: file.filename,
      hashes: file.hashes,
      requiresPython: file["requires-python"] ?? null,
      yanked: file.yanked ?? false,
      coreMetadata: file["core-metadata"] ?? file["dist-info-metadata"] ?? false,
      gpgSignature: file["gpg-sig"] ?? null,
    }))
    .sort((one, other) => (one.filename < other.filename ? -1 : 1));
}

async function filesOf(mirror: Mirror, project: string): Promise<ListedFile[]> {
  return JSON.parse((await ask(mirror.page(project), { headers: { accept: PIP_ACCEPT } })).body.toString()).files;
}

interface Followed {
  readonly status: number;
  readonly url: string;
  readonly json: { readonly name: string } | null;
}

async function followed(url: string, redirectsMax = 5): Promise<Followed> {
  const { status, headers, body } = await ask(url, { headers: { accept: PIP_ACCEPT } });
  if (status >= 300 && status < 400 && headers.location !== undefined && redirectsMax > 0) {
    return followed(new URL(headers.location, url).href, redirectsMax - 1);
  }
  return { status, url, json: status === 200 ? JSON.parse(body.toString()) : null };
}

function mediaType(field: string | undefined): string {
  return (field ?? "").split(";")[0]!.trim().toLowerCase();
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
