/** GET /page: JSX without a library. `h`, `Fragment` and `renderToString` are there for every .tsx and .jsx file. */

function Row({ label, value }: { label: string; value: string }) {
  return (
    <tr>
      <th>{label}</th>
      <td>{value}</td>
    </tr>
  );
}

export function GET(request: Request): Response {
  const { searchParams } = new URL(request.url);
  const page = (
    <html lang="en">
      <head>
        <title>Page</title>
      </head>
      <body>
        <h1>Rendered on the server</h1>
        <table>
          <Row label="You said" value={searchParams.get("say") ?? "nothing yet: add ?say=<b>hello</b>"} />
          <Row label="Your browser" value={request.headers.get("user-agent") ?? "unknown"} />
        </table>
      </body>
    </html>
  );
  return new Response(`<!doctype html>${renderToString(page)}`, { headers: { "content-type": "text/html; charset=utf-8" } });
}
