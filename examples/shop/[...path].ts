/** Everything under /shop: a Hono app with its router and middleware, unchanged. */
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { etag } from "hono/etag";

const ITEMS = [
  { id: "lamp", price: 20 },
  { id: "wick", price: 2 },
];

const app = new Hono().basePath("/shop");
app.use("/items/*", etag());
app.use("/orders", basicAuth({ username: "ada", password: "engine" }));

app.get("/items", (c) => c.json(ITEMS));
app.get("/items/:id", (c) => {
  const item = ITEMS.find(({ id }) => id === c.req.param("id"));
  return item === undefined ? c.json({ error: "No such item" }, 404) : c.json(item);
});
app.get("/orders", (c) => c.json([]));
// Any other path: a newcomer who tries one is told what there is.
app.get("/*", (c) => c.json({ paths: ["/shop/items", "/shop/items/lamp", "/shop/orders"] }));

export default app;
