/** Process trees that are made up: whose time counts, and when the kernel has forgotten some. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuAccount, type ProcessTime } from "./cpu-account.ts";

const SERVER = { pid: 10, startTicks: 1, parentPid: 1, name: "server", ownUs: 0, waitedUs: 0, ignoresChildren: false };
const CHILD = { ...SERVER, pid: 11, parentPid: 10, name: "child" };

/** Reads each list once; the last one again and again, as two looks see the same. */
function account(...lists: ProcessTime[][]): CpuAccount {
  return new CpuAccount(() => (lists.length > 1 ? lists.shift()! : lists[0]!));
}

test("a child counts while it lives, and through its parent afterwards", () => {
  const cpu = account([SERVER, { ...CHILD, ownUs: 500_000 }], [{ ...SERVER, ownUs: 1_000, waitedUs: 510_000 }]);
  assert.equal(cpu.readUs(), 500_000);
  assert.equal(cpu.readUs(), 511_000);
  assert.equal(cpu.lostBecause, null);
});

test("a child that is gone without its time in its parent is noticed, also behind the parent's own new time", () => {
  const cpu = account([SERVER, { ...CHILD, ownUs: 500_000 }], [{ ...SERVER, ownUs: 900_000 }]);
  cpu.readUs();
  cpu.readUs();
  assert.match(cpu.lostBecause ?? "", /nobody of the command waited for: 500 ms/);
});

test("a grandchild's time may come through the grandparent, an orphan's through nobody", () => {
  const grandchild = { ...CHILD, pid: 12, parentPid: 11, ownUs: 100_000 };
  const inherited = account([SERVER, CHILD, grandchild], [{ ...SERVER, waitedUs: 100_000 }]);
  inherited.readUs();
  inherited.readUs();
  assert.equal(inherited.lostBecause, null);
  const orphaned = account([SERVER, { ...grandchild, parentPid: 1 }], [{ ...SERVER, waitedUs: 100_000 }]);
  orphaned.readUs();
  orphaned.readUs();
  assert.match(orphaned.lostBecause ?? "", /100 ms of CPU time/);
});

test("a process that got the id of a dead one is another one", () => {
  const cpu = account([SERVER, { ...CHILD, ownUs: 500_000 }], [SERVER, { ...CHILD, startTicks: 9, ownUs: 600_000 }]);
  cpu.readUs();
  cpu.readUs();
  assert.notEqual(cpu.lostBecause, null);
});

test("a child that ends while the list is read is looked for again", () => {
  const cpu = account([SERVER, { ...CHILD, ownUs: 500_000 }], [SERVER], [{ ...SERVER, waitedUs: 500_000 }]);
  cpu.readUs();
  assert.equal(cpu.readUs(), 500_000);
  assert.equal(cpu.lostBecause, null);
});

test("a process that ignores SIGCHLD is named", () => {
  const cpu = account([{ ...SERVER, ignoresChildren: true }]);
  cpu.readUs();
  assert.match(cpu.lostBecause ?? "", /^server \(10\) ignores SIGCHLD/);
});
