/** GET, PUT and DELETE on /api/users/:id */
import type { Context } from "pilotlight";
import { users } from "./_store.ts";

export function GET(_request: Request, _env: object, { params }: Context): Response {
  const user = users.get(Number(params["id"]));
  return user === undefined ? missing(params["id"]) : Response.json(user);
}

export async function PUT(request: Request, _env: object, { params }: Context): Promise<Response> {
  const id = Number(params["id"]);
  const { name } = (await request.json().catch(() => ({}))) as { name?: unknown };
  if (!Number.isSafeInteger(id) || typeof name !== "string" || name === "") {
    return Response.json({ error: "Send a whole number in the path and a name in the body" }, { status: 400 });
  }
  const status = users.has(id) ? 200 : 201;
  users.set(id, { id, name });
  return Response.json({ id, name }, { status });
}

export function DELETE(_request: Request, _env: object, { params }: Context): Response {
  return users.delete(Number(params["id"])) ? new Response(null, { status: 204 }) : missing(params["id"]);
}

function missing(id: string | undefined): Response {
  return Response.json({ error: `No user ${id}` }, { status: 404 });
}
