/**
 * The files family of host calls (numbers 100 to 199) and how its arguments
 * lie in the window. Both halves read this page; neither trusts the other: the
 * shim says what WASI says, the host keeps the guest inside its folders.
 * A handle is the host's number of an open file; the preopened folders are
 * handles 0 and up, in the order of their descriptors.
 */

export const FILE_OPERATION = {
  /** Guest name of preopened folder `a` into the window; its length, EBADF behind the last. */
  preopenName: 100,
  /** Opens the path of `b` bytes in folder `a` as `c` (OPEN) says: a handle, and its file type in the window's first byte. */
  open: 101,
  close: 102,
  /** Up to `b` bytes of `a` at `c` into the window; how many. */
  read: 103,
  /** `b` bytes of the window to `a` at `c`, or at its end where `c` is APPEND: then the new end is left at SCRATCH_OFFSET (float64). */
  write: 104,
  /** WASI's filestat of `a` into the window. */
  stat: 105,
  /** Size of `a` in bytes. */
  size: 106,
  setSize: 107,
  /** Times of `a` as fstflags `b` say, from SCRATCH_OFFSET: access and modification, uint64 nanoseconds. */
  setTimes: 108,
  /** `a` goes on under fdflags `b`. */
  setFlags: 109,
  /** `a` is on the disk when this returns; its data only, where `b` is 1. */
  sync: 110,
  /** Up to `c` bytes of WASI's dirents of folder `a` from cookie `b`; the last may be cut. Fewer than `c`: that was all. */
  list: 111,
  /** As `stat` and `setTimes`, of the path of `b` bytes in folder `a`; a last link is followed where `c` is 1. */
  statPath: 120,
  /** fstflags in `d`. */
  setTimesPath: 121,
  createFolder: 122,
  removeFolder: 123,
  unlink: 124,
  /** Up to `c` bytes of what the link says, into the window. */
  readLink: 125,
  /** A link at the path of `b` bytes in folder `a`; what it says, `c` bytes, is the second path. */
  symlink: 126,
  /** The path of `b` bytes in folder `a` also as the second path, of `d` bytes, in folder `c`. */
  link: 127,
  rename: 128,
} as const;

/** Bits of `open`: WASI's oflags from bit 0, then these, and fdflags from bit 8. */
export const OPEN = { follow: 16, read: 32, write: 64, fdflagsShift: 8 } as const;

export const PATH_MAX_BYTES = 4096;
/** Where a second path lies in the window, and numbers that are no arguments. */
export const SECOND_PATH_OFFSET = PATH_MAX_BYTES;
export const SCRATCH_OFFSET = 2 * PATH_MAX_BYTES;
export const APPEND = -1;
