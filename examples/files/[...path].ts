/** GET /files/*: whatever lies below. */
import type { Context } from "pilotlight";

export function GET(_request: Request, _env: object, { params }: Context): Response {
  const parts = (params["path"] ?? "").split("/");
  return Response.json({ parts, depth: parts.length });
}
