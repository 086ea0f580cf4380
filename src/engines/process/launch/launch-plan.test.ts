import assert from "node:assert/strict";
import { test } from "node:test";
import { MIB } from "../../../base/units.ts";
import { PROCESS_DEFAULTS } from "../../../config/process-settings.ts";
import { namespaceLacks, type PlanOrder, planLaunch } from "./launch-plan.ts";
import { limitsTold } from "./limits-told.ts";
import type { MachineFacts } from "./machine-facts.ts";
import { BARE_FACTS, FULL_FACTS, MAC_FACTS, USER_FACTS } from "./testing/facts.ts";

const PROGRAM = { file: "/srv/functions/report", args: ["--fast"] };

function planned(facts: MachineFacts, order: Partial<PlanOrder> = {}): string[] {
  const { file, args } = planLaunch({
    program: PROGRAM,
    settings: PROCESS_DEFAULTS,
    memoryMaxBytes: 256 * MIB,
    facts,
    cgroupDir: null,
    nodeOptions: null,
    ...order,
  });
  return [file, ...args];
}

/** Without the shell's script, which is looked at apart. */
function words(facts: MachineFacts, order: Partial<PlanOrder> = {}): string {
  return planned(facts, order)
    .map((word) => (word.includes("; ") ? "SCRIPT" : word))
    .join(" ");
}

function script(facts: MachineFacts, order: Partial<PlanOrder> = {}): string {
  return planned(facts, order).find((word) => word.includes("; "))!;
}

test("root's programs run in a PID namespace, held by a shell, tied to the server", () => {
  assert.equal(
    words(FULL_FACTS, { cgroupDir: "/sys/fs/cgroup/one" }),
    "/usr/bin/setpriv --pdeathsig KILL -- /usr/bin/unshare --pid --fork --kill-child --mount-proc --propagation slave -- " +
      "/bin/sh -c SCRIPT pilotlight /sys/fs/cgroup/one /srv/functions/report --fast",
  );
  assert.equal(
    script(FULL_FACTS, { cgroupDir: "/sys/fs/cgroup/one" }),
    'echo 0 > "$1/cgroup.procs" || exit 125; shift; unset NODE_OPTIONS; unset PWD OLDPWD SHLVL; ' +
      'ulimit -c 0 2> /dev/null; ulimit -n 1024 2> /dev/null; exec 9>&2 2> /dev/null; (exec "$@" 2>&9 9>&-); exit $?',
  );
});

test("others get theirs inside a user namespace, where the kernel counts processes for them", () => {
  assert.match(words(USER_FACTS), /unshare --user --map-current-user --pid --fork --kill-child --mount-proc/);
  assert.match(script(USER_FACTS), /ulimit -d 1310720 2> \/dev\/null; ulimit -u 257 2> \/dev\/null \|\| ulimit -p 257/);
  assert.doesNotMatch(script({ ...USER_FACTS, kernel: "5.10.0" }), /ulimit -[up]/);
  assert.doesNotMatch(script({ ...FULL_FACTS, cgroupHome: null }), /ulimit -[up]/);
});

test("where nothing can be had the program takes the shell's place, or stands alone", () => {
  assert.equal(words(BARE_FACTS), "/bin/sh -c SCRIPT pilotlight /srv/functions/report --fast");
  assert.match(script(BARE_FACTS), /exec "\$@"$/);
  assert.equal(words({ ...BARE_FACTS, shellFile: null }), "/srv/functions/report --fast");
  assert.equal(
    words({ ...FULL_FACTS, shellFile: null, cgroupHome: null }),
    "/usr/bin/setpriv --pdeathsig KILL -- /srv/functions/report --fast",
  );
});

test("a kernel without a /proc for namespaces still gives one of pids", () => {
  assert.match(words({ ...FULL_FACTS, mountsProc: false }), /unshare --pid --fork --kill-child -- /);
});

test("namespaces are added when they are asked for, and told when they can't be had", () => {
  const asked = { ...PROCESS_DEFAULTS, namespaces: ["user", "network"] as const };
  assert.match(words(FULL_FACTS, { settings: asked }), /unshare --user --map-current-user --pid .* --net -- /);
  assert.deepEqual(namespaceLacks(asked, FULL_FACTS), []);
  assert.deepEqual(namespaceLacks(asked, BARE_FACTS), [
    "no user namespace: there is no unshare (util-linux)",
    "no network namespace: there is no unshare (util-linux)",
  ]);
  const refused = { ...FULL_FACTS, namespaces: { ...FULL_FACTS.namespaces, network: "unshare failed: Operation not permitted" } };
  assert.deepEqual(namespaceLacks(asked, refused), ["no network namespace: unshare failed: Operation not permitted"]);
  assert.doesNotMatch(words(refused, { settings: asked }), /--net/);
});

test("Node's options are those of the function, whatever Node would add", () => {
  assert.match(script(FULL_FACTS), /unset NODE_OPTIONS/);
  const order = { nodeOptions: "--max-old-space-size=64", cgroupDir: "/sys/fs/cgroup/one" };
  assert.match(script(FULL_FACTS, order), /shift; NODE_OPTIONS="\$1"; export NODE_OPTIONS; shift/);
  assert.match(words(FULL_FACTS, order), /pilotlight \/sys\/fs\/cgroup\/one --max-old-space-size=64 \/srv/);
});

test("no limit is asked for above what this process has itself", () => {
  assert.match(script({ ...FULL_FACTS, openFilesHard: 256 }), /ulimit -n 256 /);
});

test("validate says of each limit whether it holds, and by what", () => {
  const settings = { ...PROCESS_DEFAULTS, cpuMax: 0.5, namespaces: ["network"] as const };
  assert.deepEqual(limitsTold(settings, 256 * MIB, FULL_FACTS), [
    "memory 256m: held by a control group, swap included",
    "cpu 0.5: held by a control group",
    "processes 256: held by a control group, threads included",
    "open files 1024: held by the kernel (RLIMIT_NOFILE)",
    "processes that it starts: end with it, detached ones too (PID namespace)",
    "when the server is killed: nothing of it stays (PID namespace and parent-death signal)",
    "network namespace: its own",
    "HTTP: no port of it can be reached, as its network is its own; use the ring or frames",
  ]);
  const bare = limitsTold(settings, 256 * MIB, BARE_FACTS);
  assert.match(
    bare[0]!,
    /^memory 256m: looked at every 50 to 1000 ms, and ended above it; between two looks at most 1280m of private data \(control groups of version 2/,
  );
  assert.match(bare[1]!, /^cpu 0.5: not limited: it needs a control group/);
  assert.match(bare[4]!, /may escape \(no PID namespace: there is no unshare/);
  assert.match(bare[5]!, /it may stay: there is no setpriv/);
  assert.match(bare[6]!, /^network namespace: asked for and not to be had: there is no unshare/);
  assert.match(limitsTold(PROCESS_DEFAULTS, MIB, USER_FACTS)[1]!, /RLIMIT_NPROC in its user namespace/);
  assert.match(limitsTold(PROCESS_DEFAULTS, MIB, MAC_FACTS)[0]!, /not limited on darwin/);
});
