/** GET /api/greet/:name */
import type { Context } from "pilotlight";

export function GET(_request: Request, _env: object, { params }: Context): Response {
  return Response.json({ greeting: `Hello, ${params["name"]}!` });
}
