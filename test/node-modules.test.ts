/**
 * The stand-ins for Node's modules against Node itself: each expression is
 * evaluated here and in a sandbox, and both must say the same.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { standInFile } from "../src/engines/javascript/node-modules.ts";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

const MODULES = [
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "events",
  "path",
  "process",
  "querystring",
  "url",
  "util",
  "util/types",
];
const require = createRequire(import.meta.url);

let sandbox: WebSandbox;

before(async () => {
  sandbox = await openWebSandbox();
  const bundle = await build({
    stdin: {
      contents: `globalThis.modules = { ${MODULES.map((name) => `${JSON.stringify(name)}: require(${JSON.stringify(standInFile(name))})`)} };
        for (const name of Object.keys(modules)) modules[name] = modules[name].default ?? modules[name];`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: "iife",
    platform: "neutral",
    mainFields: ["module", "main"],
    define: { global: "globalThis" },
    logLevel: "silent",
  });
  sandbox.evaluate(bundle.outputFiles[0]!.text);
});

after(() => sandbox.close());

/** Evaluates `expression` with `m` as the module on both sides; a throw is its name, code and message. */
async function sameAsNode(name: string, expression: string): Promise<void> {
  const attempt = `try { return await (${expression}); } catch (error) { return [error.name, error.code ?? null, error.message]; }`;
  const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>;
  const expected = JSON.parse(JSON.stringify((await new AsyncFunction("m", attempt)(require(`node:${name}`))) ?? null)) as unknown;
  const actual = await sandbox.run(`const m = modules[${JSON.stringify(name)}]; ${attempt}`);
  assert.deepEqual(actual ?? null, expected, `${name}: ${expression}`);
}

const EXPRESSIONS: Record<string, string[]> = {
  path: [
    "['', '.', '/', 'a', 'a/', '/a/', '/a/b.ts', '.x', '..', 'a.b.c', '/a/..', 'a//b', './a', '../a', 'a\\\\b', 'C:/x', '//a', 'a/.x', '.a.b', 'x.'].map((p) => [m.normalize(p), m.dirname(p), m.basename(p), m.extname(p), m.isAbsolute(p), m.parse(p), m.format(m.parse(p))])",
    "[m.join('/a', '..', 'b'), m.join('a', '', 'b'), m.join(), m.join('a', '../../..', 'b'), m.join('a\\\\b', 'c'), m.join('./a', './b/')]",
    "[m.resolve('/x', 'y'), m.resolve('/a', '/b', '../c'), m.resolve('/a/', './b/')]",
    "[m.relative('/a/b', '/a/c'), m.relative('/a', '/a'), m.relative('/a/b/c', '/a/d/e'), m.relative('/', '/x')]",
    "[m.basename('a.ts', '.ts'), m.basename('.ts', '.ts'), m.basename('a', 'b'), m.sep, m.delimiter, m.posix.join('a', 'b')]",
    "[m.format({ dir: '/x', base: 'y' }), m.format({ root: '/', name: 'a', ext: 'b' }), m.format({ name: 'a', ext: '.b' })]",
  ],
  querystring: [
    "Object.entries(m.parse('a=1&b=2&a=3&c&=x&d=%zz&e=a+b%20c&f=%E9'))",
    "[m.stringify({ a: [1, 'x'], b: true, c: null, d: 'a b&c', e: 'é', f: 1n, g: NaN }), m.stringify({ a: 1 }, ';', ':'), m.stringify(5)]",
    "[m.escape('a b&'), m.unescape('%41%zz'), Object.entries(m.parse('a:1;b:2', ';', ':'))]",
  ],
  url: [
    "['http://u:p@h.test:8/p/a?q=1#h', 'http://H.test', '/a?b', 'mailto:a@b', '//h/x', 'http://[::1]:3/x', 'a/b#c', 'https://x.test/?a=1&b', 'file:///x', 'http://a.test?x'].map((u) => ({ ...m.parse(u) }))",
    "[m.parse('http://h/?a=1&a=2', true).query.a, m.parse('//h/x', false, true).host]",
    "[m.format({ protocol: 'http', host: 'x', pathname: '/a' }), m.format({ protocol: 'https:', hostname: 'x', port: 8, pathname: 'a', query: { b: 1 }, hash: 'c' }), m.format(new URL('http://a/b?c')), m.format({ pathname: '/a', search: 'b' })]",
    "[m.resolve('http://a/b/c', '../d'), m.resolve('/one/two/three', 'four'), m.resolve('http://a.test/', 'http://b.test/x'), m.resolve('/a', '?x')]",
    "[m.fileURLToPath('file:///a/b%20c'), m.pathToFileURL('/a b?#%').href, m.domainToASCII('é.test'), m.fileURLToPath(new URL('file:///x'))]",
    "m.fileURLToPath('http://x')",
    "(({ protocol, hostname, path, port, auth }) => ({ protocol, hostname, path, port, auth }))(m.urlToHttpOptions(new URL('https://u:p@a.test:8/x?y')))",
    "[m.URL === URL, m.URLSearchParams === URLSearchParams]",
  ],
  events: [
    "(() => { const e = new m(), seen = []; e.on('a', (x) => seen.push(['on', x])); e.once('a', (x) => seen.push(['once', x])); e.prependListener('a', () => seen.push('first')); return [e.emit('a', 1), e.emit('a', 2), e.emit('b'), seen, e.listenerCount('a'), e.eventNames(), e.getMaxListeners()]; })()",
    "(() => { new m().emit('error', new RangeError('boom')); })()",
    "(() => { new m().emit('error', 5); })()",
    "(() => { const e = new m(), f = () => {}; e.on('a', f); e.once('a', f); e.off('a', f); return [e.listenerCount('a'), e.rawListeners('a').length, e.listeners('a')[0] === f, e.removeAllListeners().eventNames()]; })()",
    "(() => { function Old() { m.call(this); } Object.setPrototypeOf(Old.prototype, m.prototype); const a = new Old(), b = new Old(); a.on('x', () => {}); return [a.listenerCount('x'), b.listenerCount('x'), a instanceof m]; })()",
    "(() => { class E extends m {} const e = new E(), log = []; e.on('newListener', (n) => log.push(['new', n])); e.on('removeListener', (n) => log.push(['gone', n])); const f = () => {}; e.on('x', f); e.off('x', f); return log; })()",
    "(async () => { const e = new m(); queueMicrotask(() => e.emit('x', 1, 2)); return m.once(e, 'x'); })()",
    "(async () => { const e = new m(); queueMicrotask(() => e.emit('error', new Error('no'))); return m.once(e, 'x'); })()",
    "(async () => { const e = new m(), got = []; queueMicrotask(() => { e.emit('x', 1); e.emit('x', 2); }); for await (const [v] of m.on(e, 'x')) { got.push(v); if (v === 2) break; } return [got, e.listenerCount('x')]; })()",
    "(() => { const e = new m(), log = []; e.on('x', () => { e.removeAllListeners('x'); log.push(1); }); e.on('x', () => log.push(2)); e.emit('x'); return [log, e.emit('x'), m.EventEmitter === m, m.defaultMaxListeners]; })()",
    "new m().on('x', 5)",
  ],
  "util/types": [
    "[new Date(), new Map(), new Set(), /x/, Promise.resolve(), new Uint8Array(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1), new Error('x'), Object(1), Object('s'), Object(true), Object(1n), Object(Symbol()), 1, 'a', null, {}, [], async () => {}, function* () {}, (function () { return arguments; })(), new WeakMap(), new Map().keys(), Object.create(Date.prototype), { [Symbol.toStringTag]: 'Date' }].map((v) => Object.keys(m).filter((name) => /^is/.test(name) && !/^is(External|KeyObject|EventTarget|Float16Array|CryptoKey|Proxy)/.test(name) && m[name](v)).sort())",
  ],
  util: [
    "[{ a: 1, b: [1, { c: 2 }] }, [1, 'two', null, undefined], new Map([[1, { a: 2 }]]), new Set(['a']), 'it\\'s', 5n, -0, Symbol('s'), () => {}, class A {}, class B extends Map {}, function named() {}, new Date(0), /x/g, null, undefined, true, {}, [], new (class Foo { x = 1; })(), Object.create(null), { a: { b: { c: { d: 1 } } } }, { get x() { return 1; }, set x(v) {}, set y(v) {} }, { 'a-b': 1, [Symbol('k')]: 2 }, new Uint8Array([1, 2]), [1, , 3], [, ,], Object(5), Object('x'), async () => {}, function* g() {}, { f() {} }, [['a', 'b'], ['c']], new Date(NaN), { a: 'x\\ny' }, new Map(), new Set()].map((v) => m.inspect(v))",
    "(() => { const o = { a: 1 }; o.self = o; o.list = [o]; return m.inspect(o); })()",
    "m.inspect({ name: 'a rather long value here', other: 'another rather long value', third: { x: 1, y: [1, 2, 3] } })",
    "m.inspect({ a: { b: { c: {} } } }, { depth: 0 }) + m.inspect({ a: { b: { c: { d: {} } } } }, { depth: null })",
    "m.inspect({ [m.inspect.custom]: (depth, options, inspect) => 'mine ' + depth + typeof inspect })",
    "m.inspect(Array.from({ length: 103 }, () => 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'))",
    "[m.format('%s %d %i %f %j %o %%', 'a', '1.5', '1.5', '1.5', { a: 1 }, [1], 'rest', { b: 2 }), m.format('a', 'b', 3), m.format(1, 2), m.format('%s', null, undefined), m.format('100%'), m.format('%d', 5n), m.format('%s', { toString() { return 'own'; } }), m.format('%x', 1), m.format('%s', [1, [2, [3]]]), m.format('%O', { a: { b: { c: { d: 1 } } } })]",
    "(async () => [await m.promisify((a, cb) => cb(null, a + 1))(1), await m.promisify((cb) => cb(new Error('no')))().catch((e) => e.message), await new Promise((r) => m.callbackify(async (x) => x * 2)(4, (e, v) => r([e, v])))])()",
    "(() => { function A() {} function B() {} B.prototype.x = 1; m.inherits(A, B); return [new A().x, A.super_ === B]; })()",
    "[m.isDeepStrictEqual({ a: [1, { b: new Map([[{ k: 1 }, 2]]) }] }, { a: [1, { b: new Map([[{ k: 1 }, 2]]) }] }), m.isDeepStrictEqual([1], ['1']), m.isDeepStrictEqual(new Set([{ a: 1 }]), new Set([{ a: 1 }])), m.isDeepStrictEqual(NaN, NaN), m.isDeepStrictEqual(0, -0), m.isDeepStrictEqual(new Date(1), new Date(2)), m.isDeepStrictEqual([, 1], [undefined, 1]), m.isDeepStrictEqual(new Uint8Array([1]), new Uint8Array([2])), m.isDeepStrictEqual(Object.create(null), {})]",
    "[m.stripVTControlCharacters('\\u001b[31mred\\u001b[39m'), m.styleText('red', 'x'), m.styleText(['bold', 'blue'], 'x', { validateStream: false }), m.toUSVString('a\\ud800'), m.types.isDate(new Date()), m.isArray([]), m.debuglog('x').enabled, m.TextEncoder === TextEncoder]",
    "m.promisify(5)",
  ],
  assert: [
    ...[
      "(() => { try { m(0); } catch (e) { return [e.name, e.code]; } })()",
      "m.ok(1)",
      "m.equal(1, '1')",
      "m.deepEqual({ a: 1 }, { a: '1' })",
      "m.strict.equal(1, 1)",
      "m.ifError(null)",
      "m.fail('why')",
    ],
    "m.deepStrictEqual({ a: [1, new Set([2])] }, { a: [1, new Set([2])] })",
    "m.throws(() => { throw new TypeError('bad'); }, /bad/)",
    "m.throws(() => { throw new TypeError('bad'); }, TypeError)",
    "m.throws(() => { throw new TypeError('bad'); }, { message: 'bad', name: 'TypeError' })",
    "m.throws(() => { throw new TypeError('bad'); }, RangeError)",
    "m.throws(() => {})",
    "m.rejects(async () => { throw new Error('x'); }, /x/)",
    "m.rejects(async () => 1)",
    "m.doesNotThrow(() => 1)",
    "m.equal(1, 2, 'one is not two')",
    "m.match('abc', /b/)",
    "[() => m.equal(1, 2), () => m.strictEqual(1, '1'), () => m.deepEqual([1], [2]), () => m.notEqual(1, 1), () => m.notDeepStrictEqual({}, {})].map((f) => { try { f(); return 'held'; } catch (e) { return [e.name, e.code, e.actual, e.expected, e.operator, e.generatedMessage, e instanceof m.AssertionError]; } })",
  ],
  "assert/strict": [
    "m.equal(1, 1)",
    "(() => { try { m.equal(1, '1'); } catch (e) { return [e.name, e.operator]; } })()",
    "m.deepEqual([1, { a: 2 }], [1, { a: 2 }])",
  ],
  buffer: [
    "[m.Buffer.from('aGk=', 'base64').toString(), m.Buffer.from('hi').toString('hex'), m.Buffer.from('é?>').toString('base64url'), m.Buffer.from('w6k_Pg', 'base64url').toString(), m.Buffer.from('a-_', 'base64').length, m.Buffer.from('zz', 'hex').length]",
    "[m.Buffer.concat([m.Buffer.from('a'), m.Buffer.from('b')]).toString('latin1'), m.Buffer.alloc(3, 1).readUInt16BE(0), m.Buffer.from('abc').subarray(1).toString(), m.Buffer.byteLength('é'), m.Buffer.byteLength('aGk', 'base64url'), m.Buffer.isEncoding('base64url'), m.Buffer.isEncoding('nope')]",
    "[m.Buffer.from([1, 2]).equals(m.Buffer.from([1, 2])), m.Buffer.isBuffer(m.Buffer.alloc(1)), JSON.stringify(m.Buffer.from('a')), m.Buffer.compare(m.Buffer.from('a'), m.Buffer.from('b')), m.Buffer.from('hello').indexOf('l'), m.Buffer.from('x').toString('ucs2'), m.Buffer.from('hi', 'utf16le').length]",
    "(() => { const b = m.Buffer.alloc(16); b.writeUInt32LE(1, 0); b.writeInt16BE(-2, 4); b.writeDoubleBE(1.5, 8); b.write('zz', 6); return [b.toString('hex'), b.readDoubleBE(8), b.readInt16BE(4), b.readBigUInt64LE(0).toString()]; })()",
    "[m.Buffer.from('héllo wörld 😀').toString('utf8', 1, 5), m.Buffer.from(new Uint8Array([104, 105]).buffer).toString(), m.Buffer.from('ÿ', 'latin1')[0], m.Buffer.from('abc').slice(-2).toString('ascii'), m.Buffer.from([0xff, 0xfe]).toString(), m.Buffer.from([239, 187, 191, 65]).toString().length, m.Buffer.alloc(4).fill('ab').toString(), m.Buffer.from('x') instanceof Uint8Array]",
    "[m.Blob === Blob, m.isUtf8(new Uint8Array([0xff])), m.isAscii(new Uint8Array([65]))]",
  ],
};

for (const [name, expressions] of Object.entries(EXPRESSIONS)) {
  test(`node:${name} says what Node's own says`, async () => {
    for (const expression of expressions) await sameAsNode(name, expression);
  });
}

test("node:process has what packages look for, and can't end the sandbox", async () => {
  const seen = await sandbox.run(`const m = modules.process; const order = [];
    m.nextTick((word) => order.push(word), "tick"); order.push("now"); await null; await null;
    let exit; try { m.exit(1); } catch (error) { exit = error.message; }
    return [order, exit, m.cwd(), typeof m.hrtime.bigint(), m.hrtime([0, 0]).length, m.stdout.isTTY, Object.keys(m.env), /^v\\d+/.test(m.version), String(m)];`);
  assert.deepEqual(seen, [
    ["now", "tick"],
    "process.exit(1) was called: a function ends by answering, not by exiting",
    "/",
    "bigint",
    2,
    false,
    [],
    true,
    "[object process]",
  ]);
});
