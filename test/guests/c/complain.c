/*
 * Complains on standard error and then computes ("spin"), sleeps ("wait"),
 * sleeps, complains again and computes ("both"), or comes to its end ("end").
 */
#include <time.h>

#include "arguments.h"

static volatile unsigned turns;

static void doze(time_t s, long ms) {
  struct timespec span = {s, ms * 1000000};
  nanosleep(&span, NULL);
}

int main(int argc, char **argv) {
  const char *order = asked(argc, argv);
  fprintf(stderr, "before it %ss\n", order);
  if (strcmp(order, "end") == 0) return 0;
  if (strcmp(order, "wait") == 0) doze(600, 0);
  if (strcmp(order, "both") == 0) {
    doze(0, 1);
    fprintf(stderr, "after it slept\n");
  }
  for (;;) turns++;
}
