/* Calls itself without end, holding nothing in linear memory: it is the engine's stack that runs out. */
#include <stdio.h>

static volatile int depth_max = -1;

static __attribute__((noinline)) int deeper(int depth) {
  if (depth == depth_max) return 0;
  int below = deeper(depth + 1);
  /* Keeps the compiler from making a loop of it. */
  __asm__ volatile("" ::: "memory");
  return below + depth;
}

int main(void) {
  while (getchar() != EOF) {
  }
  printf("%d\n", deeper(1));
  return 0;
}
