import assert from "node:assert/strict";
import { test } from "node:test";
import { FULL_FACTS, MAC_FACTS } from "../engines/process/launch/testing/facts.ts";
import { judge, suggest } from "./doctor-checks.ts";
import type { Facts } from "./doctor-facts.ts";

const GOOD: Facts = {
  platform: "linux-x64",
  nodeVersion: "26.10.0",
  nodeOptions: "",
  isolatedVmError: null,
  reusePort: true,
  setprivFile: "/usr/bin/setpriv",
  portError: null,
  cpuCount: 8,
  memoryBytes: 16 * 1024 ** 3,
  cpuQuota: null,
  memoryLimitBytes: null,
  openFilesSoft: 1024,
  openFilesHard: 1_048_576,
  fileMax: 9_000_000,
  somaxconn: 4096,
  tcpTwReuse: 1,
  localPorts: [32_768, 60_999],
  clockSource: "tsc",
  hugePages: "madvise",
  dataDir: "/srv/.pilotlight",
  dataDirError: null,
  tmpDirError: null,
  processes: FULL_FACTS,
};

function amiss(change: Partial<Facts>) {
  return judge({ ...GOOD, ...change }, "127.0.0.1:8080").filter((finding) => finding.state !== "ok");
}

test("a machine that lacks nothing has no findings", () => {
  assert.deepEqual(amiss({}), []);
});

test("every lack names its cost and the command that mends it", () => {
  const lacks: [Partial<Facts>, string, RegExp][] = [
    [{ openFilesHard: 4096 }, "ulimit -n", /ulimit -n 65536/],
    [{ fileMax: 10_000 }, "file-max", /sysctl -w fs\.file-max=/],
    [{ somaxconn: 128 }, "somaxconn", /sysctl -w net\.core\.somaxconn=4096/],
    [{ tcpTwReuse: 0 }, "tcp_tw_reuse", /sysctl -w net\.ipv4\.tcp_tw_reuse=1/],
    [{ tcpTwReuse: 2 }, "tcp_tw_reuse", /sysctl -w net\.ipv4\.tcp_tw_reuse=1/],
    [{ localPorts: [50_000, 51_000] }, "ip_local_port_range", /ip_local_port_range/],
    [{ clockSource: "hpet" }, "clock source", /echo tsc/],
    [{ hugePages: "always" }, "transparent hugepages", /madvise/],
    [{ cpuQuota: 1.5 }, "CPUs", /--workers 1/],
    [{ memoryLimitBytes: 100 * 1024 ** 2 }, "memory", /--worker-memory/],
    [{ portError: "EADDRINUSE" }, "port", /-p 0/],
    [{ reusePort: false }, "reusePort", /Linux/],
    [{ setprivFile: null }, "setpriv", /util-linux/],
    [{ setprivFile: null, platform: "darwin-arm64" }, "setpriv", /Linux/],
    [{ nodeOptions: "--inspect=0.0.0.0:9229" }, "NODE_OPTIONS", /unset NODE_OPTIONS/],
  ];
  for (const [change, name, mend] of lacks) {
    const [finding, ...more] = amiss(change);
    assert.deepEqual([finding?.name, finding?.state, more.length], [name, "warn", 0]);
    assert.match(finding!.mend!, mend);
    assert.ok(finding!.cost);
  }
});

test("what makes serving impossible is a failure", () => {
  for (const change of [
    { nodeVersion: "22.1.0" },
    { isolatedVmError: "no binary" },
    { dataDirError: "EROFS" },
    { tmpDirError: "ENOSPC" },
  ]) {
    assert.deepEqual(
      amiss(change).map((finding) => finding.state),
      ["fail"],
    );
  }
});

test("kernel settings of Linux are not asked of another system", () => {
  const found = amiss({ platform: "darwin-arm64", openFilesHard: 256, somaxconn: 128, processes: MAC_FACTS });
  assert.deepEqual(
    found.map(({ name }) => name),
    ["process functions"],
  );
});

test("Go's limits become workers, a ceiling for each and a budget for idle sandboxes", () => {
  const flags = suggest(GOOD, { maxProcs: 2, memoryLimitBytes: 512 * 1024 ** 2 }).map((suggestion) => suggestion.flag);
  assert.deepEqual(flags, ["--workers 2", "--worker-memory 208m", "--sandbox-memory-budget 104m"]);
  assert.deepEqual(suggest(GOOD, { maxProcs: null, memoryLimitBytes: null }), []);
});
