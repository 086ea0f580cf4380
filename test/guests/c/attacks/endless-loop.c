/* Reads its request and never ends. */
#include <stdio.h>

static volatile unsigned turns;

int main(void) {
  while (getchar() != EOF) {
  }
  for (;;) turns++;
}
