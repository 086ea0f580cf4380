/**
 * Guard: a process that outlives ours by a moment. Whatever ends us (kill -9,
 * out of memory, a crash), the pipe between us closes, and the guard kills the
 * group, all its descendants (they may have left it, and their environment
 * too), and every process that carries the mark. A shell, because it must cost
 * no memory and no CPU while something is measured.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { MARK_VARIABLE } from "./processes.ts";

// $1 is the mark. Lines read: the group to kill, then "done" when nothing is left to kill.
// An end without "done" may come before the group is told, or between the fork and the exec of what is to be
// marked: so marks are looked for whatever was told, and for a second. Descendants are gathered before anything is
// killed, because an orphan descends from nobody; parents may be listed after their children, hence again and again.
// dash knows "--" after "-s KILL" only.
const SCRIPT = `
trap '' INT TERM HUP
told=
while read -r next; do told=$next; done
[ "$told" = done ] && exit 0
mark=$1
if [ -n "$told" ]; then
  found=$told
  before=
  while [ "$before" != "$found" ]; do
    before=$found
    for folder in /proc/[0-9]*; do
      case " $found " in *" \${folder#/proc/} "*) continue;; esac
      read -r stat 2>/dev/null < "$folder/stat" || continue
      set -- \${stat##*) }
      case " $found " in *" $2 "*) found="$found \${folder#/proc/}";; esac
    done
  done
  kill -s KILL -- "-$told" $found 2>/dev/null
fi
for look in 1 2 3 4 5; do
  for folder in /proc/[0-9]*; do
    if grep -qs "${MARK_VARIABLE}=$mark" "$folder/environ" 2>/dev/null; then kill -KILL "\${folder#/proc/}" 2>/dev/null; fi
  done
  sleep 0.2
done
`;

export interface Guard {
  /** From now on this group dies with us, besides every marked process. */
  watch(groupId: number): void;
  /** Ends the guard itself; nothing is left for it to kill. */
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
    watch: (groupId) => child.stdin?.write(`${groupId}\n`),
    dismiss: () => child.stdin?.end("done\n"),
  };
}
