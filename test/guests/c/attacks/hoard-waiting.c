/* Takes the MiB it is asked for ("take") and sleeps with them, or first sleeps ("grow") and then does so. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../arguments.h"

static void doze(void) {
  struct timespec span = {0, 200 * 1000000};
  nanosleep(&span, NULL);
}

int main(int argc, char **argv) {
  const char *order = asked(argc, argv);
  size_t bytes = (size_t)atol(order + 5) << 20;
  if (strncmp(order, "grow", 4) == 0) doze();
  char *hoard = malloc(bytes);
  if (hoard == NULL) return 1;
  memset(hoard, 1, bytes);
  __asm__ volatile("" ::"r"(hoard) : "memory");
  doze();
  printf("held %d\n", hoard[bytes - 1]);
  return 0;
}
