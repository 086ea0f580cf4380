/** GET /api/health */
export function GET(): Response {
  return Response.json({ status: "ok", runtime: "pilotlight", timestamp: Date.now() });
}
