/* Closes its streams, then uses them, then gives their numbers away; what it wrote before counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char BEFORE[] = "before\n", AFTER[] = "after\n";

int main(void) {
  char byte;
  write(STDOUT_FILENO, BEFORE, sizeof BEFORE - 1);
  for (int fd = 0; fd < 3; fd++) close(fd);
  if (read(STDIN_FILENO, &byte, 1) != -1 || errno != EBADF) return 2;
  if (write(STDOUT_FILENO, AFTER, sizeof AFTER - 1) != -1 || errno != EBADF) return 3;
  /* With a folder to open: a file may get a stream's number, and is no stream. */
  int file = open("taken.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file != -1) write(file, AFTER, sizeof AFTER - 1);
  return 0;
}
