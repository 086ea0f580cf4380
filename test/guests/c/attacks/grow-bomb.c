/* Grows its memory, a page at a time, until it gets no more, touching each; then says how many it has. */
#include <stdio.h>

#define PAGE_BYTES 65536

int main(void) {
  while (getchar() != EOF) {
  }
  for (;;) {
    size_t page = __builtin_wasm_memory_grow(0, 1);
    if (page == (size_t)-1) break;
    *(volatile char *)(page * PAGE_BYTES) = 1;
  }
  printf("pages %zu\n", __builtin_wasm_memory_size(0));
  return 0;
}
