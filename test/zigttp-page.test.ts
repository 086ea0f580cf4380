/**
 * The zigttp page's own handler snippets, word for word, each served as the
 * page says. The "avoid" variants must work as well: slower is not wrong.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer, type TestServer } from "./support/server.ts";

const REUSE_OBJECTS = `// GOOD: Reuse objects across requests
let responseTemplate = { status: "ok" };

function handler(request) {
    responseTemplate.timestamp = Date.now();
    return Response.json(responseTemplate);
}
`;

const CREATE_OBJECTS = `function handler(request) {
    // This creates garbage every request
    let bigArray = [];
    for (let i = 0; i < 10000; i++) {
        bigArray.push({ index: i });
    }
    return Response.json(bigArray);
}
`;

const PRECOMPUTE = `// GOOD: Pre-compute at load time
const routes = {
    "/api/health": handleHealth,
    "/api/users": handleUsers,
    "/api/posts": handlePosts,
};

function handler(request) {
    const handler = routes[request.url];
    if (handler) {
        return handler(request);
    }
    return Response.text("Not Found", { status: 404 });
}

function handleHealth(request) { return Response.json({ status: "ok" }); }
function handleUsers(request) { return Response.json([{ id: 1 }]); }
function handlePosts(request) { return Response.html("<p>posts</p>"); }
`;

const COMPUTE = `function handler(request) {
    if (request.url === "/api/health") {
        return handleHealth(request);
    }
    // Repeated string comparisons
}
function handleHealth(request) { return "healthy"; }
`;

const CONCATENATE = `// GOOD: Build arrays and join
function buildHtml(items) {
    const parts = ["<ul>"];
    for (let i = 0; i < items.length; i++) {
        parts.push("<li>" + items[i] + "</li>");
    }
    parts.push("</ul>");
    return parts.join("");
}
function handler(request) {
    return Response.html(buildHtml(["a", "b"]));
}
`;

const REQUEST_SHAPE = `function handler(request) {
    const { method, url, path, query, headers, body } = request;
    return Response.json({ method, url, path, query, host: headers.host, custom: headers["x-custom"], missing: headers["x-missing"] === undefined, body });
}
`;

const JSX_PAGE = `function Item({ name, children }) { return <li className="item" onclick="x()">{name}{children}</li>; }
function handler(request) {
    return Response.html(renderToString(<ul>{["a", "<b>"].map((name) => <Item name={name}>{null}{false}</Item>)}<br/><>tail</></ul>));
}
`;

const REDIRECT = `function handler(request) { return Response.redirect("/elsewhere"); }`;

describe("the zigttp page's handlers", () => {
  let server: TestServer;
  before(async () => {
    const sources: Record<string, [string, string?]> = {
      reuse: [REUSE_OBJECTS],
      create: [CREATE_OBJECTS],
      precompute: [PRECOMPUTE],
      compute: [COMPUTE],
      concatenate: [CONCATENATE],
      shape: [REQUEST_SHAPE],
      jsx: [JSX_PAGE, "jsx"],
      redirect: [REDIRECT],
    };
    server = await startServer(
      Object.fromEntries(Object.entries(sources).map(([name, [code, extension]]) => [`${name}/[...rest].${extension ?? "js"}`, code])),
    );
  });
  after(() => server.stop());

  const get = (path: string, init?: RequestInit): Promise<Response> => server.get(path, init);

  test("keep an object between requests", async () => {
    const answer = (await (await get("/reuse/x")).json()) as { status: string; timestamp: number };
    assert.equal(answer.status, "ok");
    assert.equal(typeof answer.timestamp, "number");
  });

  test("may create large objects in every request", async () => {
    assert.equal(((await (await get("/create/x")).json()) as unknown[]).length, 10_000);
  });

  test("build text from parts", async () => {
    const answer = await get("/concatenate/x");
    assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await answer.text(), "<ul><li>a</li><li>b</li></ul>");
  });

  test("answer an empty 200 when they return nothing", async () => {
    const answer = await get("/compute/x");
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "");
  });

  test("get the request in zigttp's shape: url with query, integers in the query as numbers", async () => {
    const answer = await get("/shape/a?n=42&s=4x&big=99999999999", { method: "POST", body: "text", headers: { "x-custom": "Yes" } });
    assert.deepEqual(await answer.json(), {
      method: "POST",
      url: "/shape/a?n=42&s=4x&big=99999999999",
      path: "/shape/a",
      query: { n: 42, s: "4x", big: "99999999999" },
      host: new URL(server.url).host,
      custom: "Yes",
      missing: true,
      body: "text",
    });
  });

  test("render JSX with escaping, void tags and dropped event handlers", async () => {
    const markup = await (await get("/jsx/x")).text();
    assert.equal(markup, '<ul><li class="item">a</li><li class="item">&lt;b&gt;</li><br>tail</ul>');
  });

  test("redirect with 302 to a relative place", async () => {
    const answer = await get("/redirect/x");
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.get("location"), "/elsewhere");
  });
});

describe("the zigttp page's route table", () => {
  test("is looked up by request.url when the file owns every path", async () => {
    const server = await startServer({}, { eval: PRECOMPUTE });
    try {
      assert.deepEqual(await (await server.get("/api/health")).json(), { status: "ok" });
      assert.equal(await (await server.get("/api/posts")).text(), "<p>posts</p>");
      const missing = await server.get("/nowhere");
      assert.equal(missing.status, 404);
      assert.equal(await missing.text(), "Not Found");
    } finally {
      await server.stop();
    }
  });
});
