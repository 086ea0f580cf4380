/**
 * Spawn error: what the system said when a process could not be started, in
 * words that name what ran out and what to do. Pure.
 */
const REASONS: Readonly<Record<string, string>> = {
  EAGAIN:
    "the system starts no more processes (its limit of processes, or that of this user or control group, is reached); lower instances, or raise the limit",
  ENOMEM: "the system has no memory for another process; lower instances, or give the machine more",
  EMFILE: "this process has no file descriptors left; raise its limit of open files (pilotlight doctor)",
  ENFILE: "the system has no file descriptors left; raise fs.file-max (pilotlight doctor)",
  E2BIG: "its arguments and environment are too long for the system; shorten its env",
  ENOSPC: "there is no space left for what it needs (its socket, its home, or shared memory)",
  EROFS: "its home and socket would lie on a read-only file system; give another folder with --data-dir",
  EACCES: "the system refuses to execute it or to make its folders",
  EPERM: "the system refuses to start it",
};

export function describeSpawnError(error: NodeJS.ErrnoException): string {
  const reason = REASONS[error.code ?? ""];
  return reason === undefined ? error.message : `${reason} (${error.code})`;
}
