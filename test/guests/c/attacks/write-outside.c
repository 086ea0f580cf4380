/*
 * Tries to write a file outside of its folder by every path that comes to mind,
 * and answers with the name of each way that was open. Nothing must be.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#define FIRST_FOLDER 3

static const char *const PATHS[] = {
    "../escaped", "./../escaped", "inner/../../escaped", "inner/.././../escaped", "..//escaped", "inner/../inner/../../escaped",
    "/escaped", "//escaped", "/../escaped", "link/escaped", "inner/link/escaped", "loop/escaped", "absolute/escaped",
    "hard", "proc/self/root/tmp/escaped",
};

/* Straight to the import: wasi-libc would sort some of these out by itself. */
static int opens(const char *path) {
  __wasi_fd_t fd;
  __wasi_rights_t rights = __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_READ;
  for (int follow = 0; follow < 2; follow++) {
    __wasi_errno_t error = __wasi_path_open(FIRST_FOLDER, follow ? __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW : 0, path, __WASI_OFLAGS_CREAT, rights, 0, 0, &fd);
    if (error != 0) continue;
    write((int)fd, "escaped", 7);
    close((int)fd);
    return 1;
  }
  return 0;
}

int main(void) {
  mkdir("inner", 0777);
  symlink("..", "link");
  symlink("../..", "inner/link");
  symlink("loop", "loop");
  symlink("/tmp", "absolute");
  symlink("/proc", "proc");
  link("../escaped", "hard");
  int open_ways = 0;
  for (size_t at = 0; at < sizeof PATHS / sizeof *PATHS; at++) {
    /* A hard link to outside that was refused is a name like any other. */
    if (strcmp(PATHS[at], "hard") == 0 && access("hard", F_OK) != 0) continue;
    if (!opens(PATHS[at])) continue;
    open_ways++;
    printf("%s\n", PATHS[at]);
  }
  if (rename("inner", "../moved") == 0) open_ways++, printf("rename to ../moved\n");
  if (mkdir("../made", 0777) == 0) open_ways++, printf("mkdir ../made\n");
  if (unlink("../victim") == 0) open_ways++, printf("unlink ../victim\n");
  if (symlink("x", "../linked") == 0) open_ways++, printf("symlink ../linked\n");
  printf("ways out: %d\n", open_ways);
  return 0;
}
