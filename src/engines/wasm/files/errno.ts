/**
 * Error codes: what Node says went wrong, in WASI's numbers. `Refused` is our
 * own no, thrown by whoever finds out and turned into a number in one place.
 */
import { ERRNO } from "../../../../guest/wasi/abi.ts";

/** Thrown inside the files family only; HostFiles.serve catches it. */
export class Refused extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`WASI error ${errno}`);
    this.errno = errno;
  }
}

const ERRNO_OF_CODE: Readonly<Record<string, number>> = {
  E2BIG: ERRNO.toobig,
  EACCES: ERRNO.access,
  EAGAIN: ERRNO.again,
  EBADF: ERRNO.badf,
  EBUSY: ERRNO.busy,
  EDQUOT: ERRNO.nospc,
  EEXIST: ERRNO.exist,
  EFBIG: ERRNO.fbig,
  EILSEQ: ERRNO.ilseq,
  EINVAL: ERRNO.inval,
  EIO: ERRNO.io,
  EISDIR: ERRNO.isdir,
  ELOOP: ERRNO.loop,
  EMFILE: ERRNO.mfile,
  EMLINK: ERRNO.mlink,
  ENAMETOOLONG: ERRNO.nametoolong,
  ENFILE: ERRNO.nfile,
  ENODEV: ERRNO.nxio,
  ENOENT: ERRNO.noent,
  ENOMEM: ERRNO.nomem,
  ENOSPC: ERRNO.nospc,
  ENOSYS: ERRNO.nosys,
  ENOTDIR: ERRNO.notdir,
  ENOTEMPTY: ERRNO.notempty,
  ENOTSUP: ERRNO.notsup,
  ENXIO: ERRNO.nxio,
  EOPNOTSUPP: ERRNO.notsup,
  EPERM: ERRNO.perm,
  EROFS: ERRNO.rofs,
  ESPIPE: ERRNO.spipe,
  ETXTBSY: ERRNO.busy,
  EXDEV: ERRNO.xdev,
  // Node's permission model: the process as a whole may not.
  ERR_ACCESS_DENIED: ERRNO.access,
};

/** Throws on what no file system says: that is our own mistake. */
export function errnoOfError(error: unknown): number {
  if (error instanceof Refused) return error.errno;
  const errno = ERRNO_OF_CODE[codeOf(error) ?? ""];
  if (errno === undefined) throw error;
  return errno;
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
