/** POST /validate: a body checked with zod. */
import { z } from "zod";

const Order = z.object({
  item: z.string().min(1),
  count: z.number().int().positive().max(100),
  email: z.email().optional(),
});

export async function POST(request: Request): Promise<Response> {
  const parsed = Order.safeParse(await request.json().catch(() => null));
  if (parsed.success) return Response.json({ accepted: parsed.data }, { status: 201 });
  const problems = parsed.error.issues.map(({ path, message }) => ({ field: path.join("."), message }));
  return Response.json({ problems }, { status: 422 });
}
