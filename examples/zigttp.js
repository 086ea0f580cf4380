// The zigttp form: one global function, a plain request, helpers on Response.
function fibonacci(n) {
  let [a, b] = [0, 1];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a;
}

// biome-ignore lint/correctness/noUnusedVariables: the server finds it by its name.
function handler(request) {
  const { n = 10 } = request.query;
  if (request.method !== "GET") return Response.text("Only GET", { status: 405 });
  return Response.json({ url: request.url, path: request.path, fibonacci: fibonacci(Math.min(n, 1000)) });
}
