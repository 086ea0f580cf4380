/* Asks for memory and fills it for ever; aborts, as most programs do, when there is none left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (1024 * 1024)

int main(void) {
  while (getchar() != EOF) {
  }
  for (;;) {
    char *block = malloc(BLOCK_BYTES);
    if (block == NULL) {
      fprintf(stderr, "out of memory\n");
      abort();
    }
    memset(block, 1, BLOCK_BYTES);
    __asm__ volatile("" ::"r"(block) : "memory");
  }
}
