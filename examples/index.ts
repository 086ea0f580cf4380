/** GET /: the way round. */
const STOPS: readonly (readonly [path: string, shows: string])[] = [
  ["/hello?name=Ada", "a function in ten lines"],
  ["/api/health", "JSON"],
  ["/api/echo?a=1", "method, headers and body of the request"],
  ["/api/greet/world", "a part of the path: [name].ts"],
  ["/api/users/1", "one export per method: GET, PUT and DELETE"],
  ["/files/any/depth.txt", "the rest of the path: [...path].ts"],
  ["/page", "JSX, rendered on the server"],
  ["/zigttp?n=20", "the global function handler(request)"],
  ["/stream", "server-sent events"],
  ["/shop/items", "a Hono app"],
];

const page = (origin: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pilotlight</title>
<style>body { font: 16px/1.6 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem } li { margin: .3rem 0 }</style>
<h1>It is lit.</h1>
<p>Each of these is one file in <code>examples/</code>, in a sandbox of its own.</p>
<ul>${STOPS.map(([path, shows]) => `<li><a href="${path}">${path}</a> ${shows}</li>`).join("")}</ul>
<p>And one that wants a body, checked with zod: <code>curl -d '{}' ${origin}/validate</code></p>
`;

export function GET(request: Request): Response {
  return new Response(page(new URL(request.url).origin), { headers: { "content-type": "text/html; charset=utf-8" } });
}
