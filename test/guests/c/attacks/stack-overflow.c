/* Runs its own stack, the one in linear memory, over whatever lies below it, until an address is out of bounds. */
#include <stdio.h>
#include <string.h>

static volatile int depth_max = -1;

static __attribute__((noinline)) int deeper(int depth) {
  volatile char frame[16 * 1024];
  memset((char *)frame, depth, sizeof frame);
  if (depth == depth_max) return 0;
  return deeper(depth + 1) + frame[depth % 7];
}

int main(void) {
  while (getchar() != EOF) {
  }
  printf("%d\n", deeper(1));
  return 0;
}
