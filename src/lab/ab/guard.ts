/**
 * Guard: a process that outlives ours by a moment. Whatever ends us (kill -9,
 * out of memory, a crash), the pipe between us closes, and the guard kills the
 * group and every process that carries the mark. A shell, because it must cost
 * no memory and no CPU while something is measured.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { MARK_VARIABLE } from "./processes.ts";

// $1 is the mark. The last line read is the group to kill; "0" is none.
const SCRIPT = `
trap '' INT TERM HUP
group=0
while read -r next; do group=$next; done
[ "$group" = 0 ] && exit 0
kill -KILL -- "-$group" 2>/dev/null
for folder in /proc/[0-9]*; do
  if grep -qs "${MARK_VARIABLE}=$1" "$folder/environ" 2>/dev/null; then kill -KILL "\${folder#/proc/}" 2>/dev/null; fi
done
`;

export interface Guard {
  /** From now on this group dies with us; null: none does. */
  watch(groupId: number | null): void;
  /** Ends the guard itself. */
  dismiss(): void;
}

export function startGuard(mark: string): Guard {
  // Detached: ctrl-C goes to our group, and the guard is what must survive it.
  const child: ChildProcess = spawn("/bin/sh", ["-c", SCRIPT, "guard", mark], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  child.on("error", () => {});
  child.stdin?.on("error", () => {});
  child.unref();
  (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return {
    watch: (groupId) => child.stdin?.write(`${groupId ?? 0}\n`),
    dismiss: () => child.stdin?.end("0\n"),
  };
}
