import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyFor, readProxies } from "./proxies.ts";

function proxyOf(href: string, env: Record<string, string>): string | null {
  const proxy = proxyFor(new URL(href), readProxies(env));
  assert.ok(proxy.ok, proxy.ok ? "" : proxy.failure);
  return proxy.value?.href ?? null;
}

test("each scheme has its proxy, lower case comes first, and one may stand for all", () => {
  const env = { HTTP_PROXY: "http://upper.example:1", http_proxy: "http://lower.example:2", HTTPS_PROXY: "https://secure.example:3" };
  assert.equal(proxyOf("http://index.example/", env), "http://lower.example:2/");
  assert.equal(proxyOf("https://index.example/", env), "https://secure.example:3/");
  assert.equal(proxyOf("https://index.example/", { HTTP_PROXY: "http://upper.example:1" }), null, "https never goes by HTTP_PROXY");
  assert.equal(proxyOf("https://index.example/", { all_proxy: "proxy.example:3128" }), "http://proxy.example:3128/", "a scheme left out");
  assert.equal(proxyOf("https://index.example/", { HTTPS_PROXY: "" }), null);
});

test("NO_PROXY names hosts, their subdomains, ports, addresses, networks, or everything", () => {
  const bypassed = (href: string, noProxy: string): boolean =>
    proxyOf(href, { ALL_PROXY: "http://proxy.example", NO_PROXY: noProxy }) === null;
  assert.ok(bypassed("https://index.example/", "other.example, index.example"));
  assert.ok(bypassed("https://a.index.example/", "index.example"));
  assert.ok(bypassed("https://a.index.example/", ".index.example"));
  assert.ok(bypassed("https://a.index.example/", "*.index.example"));
  assert.ok(bypassed("https://INDEX.example./", "Index.Example"));
  assert.ok(!bypassed("https://otherindex.example/", "index.example"));
  assert.ok(bypassed("https://index.example/", "index.example:443"));
  assert.ok(!bypassed("https://index.example:8443/", "index.example:443"));
  assert.ok(bypassed("http://10.1.2.3/", "10.0.0.0/8"));
  assert.ok(!bypassed("http://11.1.2.3/", "10.0.0.0/8"));
  assert.ok(bypassed("http://[fd00::1]:8080/", "fd00::1"));
  assert.ok(bypassed("http://[fd00::1]:8080/", "[fd00::1]:8080"));
  assert.ok(bypassed("http://index.example/", "*"));
});

test("this machine is asked directly", () => {
  for (const host of ["localhost", "127.0.0.1", "[::1]", "a.localhost"]) {
    assert.equal(proxyOf(`http://${host}:8080/`, { HTTP_PROXY: "http://proxy.example" }), null, host);
  }
});

test("a proxy that can't be used is a failure, and its credentials are not told", () => {
  for (const proxy of ["socks5://user:secret@proxy.example", "http://user:secret@"]) {
    const answer = proxyFor(new URL("https://index.example/"), readProxies({ HTTPS_PROXY: proxy }));
    assert.ok(!answer.ok);
    assert.doesNotMatch(answer.failure, /secret/);
  }
});
