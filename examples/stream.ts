/** GET /stream?count=5: server-sent events, one every 200 ms. Ends early when the client goes away. */
const INTERVAL_MS = 200;
const COUNT_MAX = 100;

export function GET(request: Request): Response {
  const asked = Number(new URL(request.url).searchParams.get("count") ?? 5);
  const count = Math.min(Math.max(Number.isInteger(asked) ? asked : 5, 1), COUNT_MAX);
  let sent = 0;
  const events = new ReadableStream<string>({
    async pull(controller) {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      controller.enqueue(`id: ${++sent}\ndata: ${JSON.stringify({ tick: sent, of: count })}\n\n`);
      if (sent === count) controller.close();
    },
  });
  return new Response(events.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
