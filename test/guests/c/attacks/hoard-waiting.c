/*
 * "ORDER MIB MS": takes so many MiB and sleeps so long with them ("take"), or
 * first sleeps and then does so ("grow"), or sleeps, takes them and computes
 * as long before it sleeps again ("spin").
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../arguments.h"

static void doze(long ms) {
  struct timespec span = {0, ms * 1000000};
  nanosleep(&span, NULL);
}

static void spin(long ms) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

int main(int argc, char **argv) {
  const char *order = asked(argc, argv);
  char *rest;
  size_t bytes = (size_t)strtol(order + 5, &rest, 10) << 20;
  long ms = strtol(rest, NULL, 10);
  if (strncmp(order, "take", 4) != 0) doze(ms);
  char *hoard = malloc(bytes);
  if (hoard == NULL) return 1;
  memset(hoard, 1, bytes);
  __asm__ volatile("" ::"r"(hoard) : "memory");
  if (strncmp(order, "spin", 4) == 0) spin(ms);
  doze(ms);
  printf("held %d\n", hoard[bytes - 1]);
  return 0;
}
