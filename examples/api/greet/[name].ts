/** GET /api/greet/:name */
import type { Context } from "../../_context.ts";

export function GET(_request: Request, _env: object, { params }: Context): Response {
  return Response.json({ greeting: `Hello, ${params["name"]}!` });
}
