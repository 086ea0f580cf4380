/** Lines of /proc and lists of processes that are made up: who belongs to a command. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Belonging, membersOf, type ProcessStat, parseRollup, parseStat } from "./processes.ts";

/** No process that runs can have this id: a mark is looked for in the environment of none. */
const FIRST_PID = 5_000_000;
const COMMAND: ProcessStat = {
  pid: FIRST_PID,
  state: "S",
  parentPid: 1,
  groupId: FIRST_PID,
  startTicks: 100,
  ownCpuUs: 0,
  waitedCpuUs: 0,
};

function other(number: number, more: Partial<ProcessStat>): ProcessStat {
  return { ...COMMAND, pid: FIRST_PID + number, groupId: 1, ...more };
}

function belonging(): Belonging {
  return { pid: FIRST_PID, mark: "mark", known: new Map() };
}

function numbersOf(of: Belonging, all: readonly ProcessStat[]): number[] {
  return membersOf(of, all).map(({ pid }) => pid - FIRST_PID);
}

test("a line of stat is read behind a name with blanks and brackets", () => {
  const line = "42 (a) b ) S 7 40 40 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 12345 1 2";
  assert.deepEqual(parseStat(line), {
    pid: 42,
    state: "S",
    parentPid: 7,
    groupId: 40,
    startTicks: 12_345,
    ownCpuUs: 2_000_000,
    waitedCpuUs: 500_000,
  });
  assert.equal(parseStat(""), null);
  assert.equal(parseStat("42 (short) S 1 2"), null);
});

test("group and descent make a member, whatever the order of the list; strangers are none", () => {
  const all = [
    other(3, { parentPid: FIRST_PID + 2 }),
    other(2, { parentPid: FIRST_PID }),
    COMMAND,
    other(1, { groupId: FIRST_PID }),
    other(4, {}),
  ];
  assert.deepEqual(numbersOf(belonging(), all), [3, 2, 0, 1]);
});

test("who belonged once belongs when its parent is gone, and its children with it", () => {
  const of = belonging();
  const child = other(1, { parentPid: FIRST_PID });
  assert.deepEqual(numbersOf(of, [COMMAND, child]), [0, 1]);
  const orphan = { ...child, parentPid: 1 };
  assert.deepEqual(numbersOf(of, [orphan, other(2, { parentPid: orphan.pid })]), [1, 2]);
});

test("an id that is used again is another process", () => {
  const of = belonging();
  membersOf(of, [COMMAND, other(1, { parentPid: FIRST_PID })]);
  assert.deepEqual(numbersOf(of, [other(1, { parentPid: 1, startTicks: 200 })]), []);
});

test("memory that is a process's own is anonymous or shared; pages of files are apart, whoever else maps them", () => {
  const rollup = "Rss:  900 kB\nPss:  700 kB\nPss_Dirty:  5 kB\nPss_Anon:  300 kB\nPss_File:  360 kB\nPss_Shmem:  40 kB\n";
  assert.deepEqual(parseRollup(rollup, ""), { rssBytes: 900 * 1024, ownPssBytes: 340 * 1024, filePssBytes: 360 * 1024 });
});

test("a kernel that doesn't tell whose pages are shared is not guessed at", () => {
  assert.deepEqual(parseRollup("", "Name:\tx\nVmRSS:\t  8 kB\n"), { rssBytes: 8 * 1024, ownPssBytes: null, filePssBytes: null });
});
