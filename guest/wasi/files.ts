/** Files and folders of a guest process. */
import { ERRNO } from "./abi.ts";
import type { Channel } from "./channel.ts";
import type { Descriptor } from "./fd-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import type { WasiFunction } from "./imports.ts";

export function preopenedFolders(_channel: Channel): Descriptor[] {
  return [];
}

export function fileImports(guest: GuestProcess): Record<string, WasiFunction> {
  const { memory } = guest;
  return {
    fd_read: () => ERRNO.badf,
    fd_write: () => ERRNO.badf,
    fd_prestat_get: () => ERRNO.badf,
    fd_prestat_dir_name: () => ERRNO.badf,
    fd_close: (fd: number) => (guest.descriptors.delete(fd) ? ERRNO.success : ERRNO.badf),
    fd_seek: () => ERRNO.spipe,
    fd_fdstat_get(fd: number, pointer: number): number {
      const descriptor = guest.descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const { view } = memory;
      view.setUint8(pointer, descriptor.filetype);
      view.setUint16(pointer + 2, descriptor.fdflags, true);
      view.setBigUint64(pointer + 8, descriptor.rightsBase, true);
      view.setBigUint64(pointer + 16, descriptor.rightsInheriting, true);
      return ERRNO.success;
    },
    fd_fdstat_set_flags: () => ERRNO.success,
  };
}
