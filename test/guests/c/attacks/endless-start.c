/* Never gets as far as its request: spins before main, where a checkpoint would be taken. */
#include <stdio.h>

static volatile unsigned turns;

__attribute__((constructor)) static void spin(void) {
  for (;;) turns++;
}

int main(void) { return getchar(); }
