import assert from "node:assert/strict";
import { test } from "node:test";
import { spec } from "../../test/support/fake-fleet.ts";
import { hintBelow } from "./path-not-found.ts";
import { createRouter } from "./router.ts";

const router = createRouter(
  [
    spec("shopapp", { file: "/f/shopapp.ts" }),
    spec("users/[id]", { file: "/f/users/[id].js", route: "/users/:id" }),
    spec("blog/index", { file: "/f/blog/index.ts", route: "/blog" }),
    spec("index", { file: "/f/index.ts", route: "/" }),
    spec("paid", { file: "/f/paid.ts", route: "/pay" }),
  ].map((one) => ({ route: one.route, target: { spec: one } })),
);

test("a path below a function's route is told what the function answers and which file would answer more", () => {
  const wider = (path: string) => /^(.*) would answer everything below$/.exec(hintBelow(path, router) ?? "")?.[1];
  assert.equal(wider("/shopapp/1/2"), "shopapp.ts answers /shopapp only; shopapp/[...path].ts");
  assert.equal(wider("/users/7/x"), "users/[id].js answers /users/:id only; users/[id]/[...path].js");
  assert.equal(wider("/blog/x"), "blog/index.ts answers /blog only; blog/[...path].ts");
  assert.equal(wider("/pay/x"), "paid.ts answers /pay only; route: /pay/* in pilotlight.yaml");
});

test("a path that shares no function's beginning gets no hint, the root's function included", () => {
  for (const path of ["/shop", "/nothing/here", "/"]) assert.equal(hintBelow(path, router), null, path);
});
