/* Opens ten thousand files of its folder and closes none; says how many it got and why it got no more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define WANTED 10000

int main(void) {
  int got = 0;
  for (; got < WANTED; got++) {
    char name[32];
    snprintf(name, sizeof name, "many-%d.txt", got % 8);
    if (open(name, O_RDWR | O_CREAT, 0666) == -1) break;
  }
  printf("opened %d\n%s\n", got, got == WANTED ? "all" : strerror(errno));
  return 0;
}
