/* Opens as many files as it is told and closes none, then sleeps for as many milliseconds as it is told: "files ms" on standard input. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <time.h>

int main(void) {
  int wanted = 0, got = 0;
  long ms = 0;
  if (scanf("%d %ld", &wanted, &ms) != 2) return 1;
  while (got < wanted && open("kept.txt", O_RDWR | O_CREAT, 0666) != -1) got++;
  struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  if (ms > 0) nanosleep(&span, NULL);
  printf("opened %d\n", got);
  return 0;
}
