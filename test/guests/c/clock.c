/* Reads the clocks before anything else: real time in nanoseconds, two readings of the monotonic one, a line each. */
#include <stdio.h>
#include <time.h>

static long long now(clockid_t clock) {
  struct timespec moment;
  if (clock_gettime(clock, &moment) != 0) return -1;
  return moment.tv_sec * 1000000000LL + moment.tv_nsec;
}

int main(void) {
  long long real = now(CLOCK_REALTIME);
  long long first = now(CLOCK_MONOTONIC);
  long long second = now(CLOCK_MONOTONIC);
  int byte = getchar();
  printf("%lld\n%lld\n%lld\n%c\n", real, first, second, byte == EOF ? '-' : byte);
  return 0;
}
