/* Sleeps for the milliseconds it is asked for, as a plain command, and says so. */
#include <stdlib.h>
#include <time.h>

#include "arguments.h"

int main(int argc, char **argv) {
  long ms = atol(asked(argc, argv));
  struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  if (nanosleep(&span, NULL) != 0) {
    perror("nanosleep");
    return 1;
  }
  printf("slept %ld\n", ms);
  return 0;
}
