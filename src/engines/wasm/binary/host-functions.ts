/**
 * Host functions: every function that a guest may import, with its signature.
 * WASI's are those of the preview 1 witx documents, lowered to core types
 * (WebAssembly/WASI, legacy/preview1/docs.md); Gojinn's those of its host_functions.go.
 * What is listed here must exist in guest/wasi/imports.ts and gojinn.ts.
 */

export type HostModule = "wasi_snapshot_preview1" | "wasi_unstable" | "gojinn" | "pilotlight";

/** Name and signature in short: "w" is i32, "d" i64; a colon before the result. */
const PREVIEW1 = `
  args_get ww:w                 args_sizes_get ww:w           environ_get ww:w
  environ_sizes_get ww:w        clock_res_get ww:w            clock_time_get wdw:w
  fd_advise wddw:w              fd_allocate wdd:w             fd_close w:w
  fd_datasync w:w               fd_fdstat_get ww:w            fd_fdstat_set_flags ww:w
  fd_fdstat_set_rights wdd:w    fd_filestat_get ww:w          fd_filestat_set_size wd:w
  fd_filestat_set_times wddw:w  fd_pread wwwdw:w              fd_prestat_get ww:w
  fd_prestat_dir_name www:w     fd_pwrite wwwdw:w             fd_read wwww:w
  fd_readdir wwwdw:w            fd_renumber ww:w              fd_seek wdww:w
  fd_sync w:w                   fd_tell ww:w                  fd_write wwww:w
  path_create_directory www:w   path_filestat_get wwwww:w     path_filestat_set_times wwwwddw:w
  path_link wwwwwww:w           path_open wwwwwddww:w         path_readlink wwwwww:w
  path_remove_directory www:w   path_rename wwwwww:w          path_symlink wwwww:w
  path_unlink_file www:w        poll_oneoff wwww:w            proc_exit w:
  proc_raise w:w                random_get ww:w               sched_yield :w
  sock_recv wwwwww:w            sock_send wwwww:w             sock_shutdown ww:w
`;

/** Came after wasi_unstable. */
const PREVIEW1_LATER = "sock_accept www:w";

const GOJINN = `
  host_log www:                 host_db_query wwww:w          host_kv_set wwww:
  host_kv_get wwww:w            host_mutex_lock www:w         host_mutex_unlock ww:w
  host_s3_put wwww:w            host_s3_get wwww:w            host_enqueue wwww:w
  host_ask_ai wwww:d            host_ws_upgrade :w            host_ws_read ww:d
  host_ws_write ww:             host_http_get wwww:d
`;

/** Our own: guest/wasi/pilotlight.ts. */
const PILOTLIGHT = `
  kv_get wwwwwww:w              kv_set wwwwwww:w              kv_delete wwww:w
  sql_query wwwwwwwww:w         blob_get wwwwwww:w            blob_put wwwwww:w
  queue_send wwwww:w            lock_acquire wwwwwww:w        lock_release wwwwd:w
  http_get wwwwww:w
`;

/** By name: "(i32, i64) -> i32". */
export const HOST_FUNCTIONS: Readonly<Record<HostModule, ReadonlyMap<string, string>>> = {
  wasi_snapshot_preview1: signatures(PREVIEW1 + PREVIEW1_LATER),
  wasi_unstable: signatures(PREVIEW1),
  gojinn: signatures(GOJINN),
  pilotlight: signatures(PILOTLIGHT),
};

function signatures(list: string): Map<string, string> {
  return new Map([...list.matchAll(/(\w+) ([wd]*):([wd]?)/g)].map(([, name, takes, gives]) => [name!, signatureOf(takes!, gives!)]));
}

function signatureOf(takes: string, gives: string): string {
  const word = (letter: string): string => (letter === "w" ? "i32" : "i64");
  return `(${[...takes].map(word).join(", ")}) -> ${gives === "" ? "()" : word(gives)}`;
}
