/*
 * Traps in the way it is asked for, three named functions deep:
 * unreachable, divide, overflow, bounds, indirect, convert; abort says why first.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "arguments.h"

static volatile int zero;

static void takes_number(int number) { printf("%d\n", number); }

static __attribute__((noinline)) int innermost(const char *kind) {
  volatile int lowest = INT_MIN, minus_one = -1;
  if (strcmp(kind, "divide") == 0) return lowest / zero;
  if (strcmp(kind, "overflow") == 0) return lowest / minus_one;
  if (strcmp(kind, "bounds") == 0) return *(volatile int *)(uintptr_t)0xfffffff0u;
  if (strcmp(kind, "convert") == 0) {
    volatile double huge = 1e30;
    return __builtin_wasm_trunc_s_i32_f64(huge);
  }
  if (strcmp(kind, "indirect") == 0) {
    void (*volatile called)(int) = takes_number;
    return ((int (*)(double, double))called)(1, 2);
  }
  if (strcmp(kind, "abort") == 0) {
    fprintf(stderr, "boom\n");
    abort();
  }
  __builtin_trap();
}

static __attribute__((noinline)) int middle(const char *kind) { return innermost(kind) + 1; }

int main(int argc, char **argv) {
  printf("%d\n", middle(asked(argc, argv)) + 1);
  return 0;
}
