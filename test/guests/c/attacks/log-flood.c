/* Writes to standard error without end: lines, and one line that never ends. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  static char block[64 * 1024];
  memset(block, 'x', sizeof block);
  while (getchar() != EOF) {
  }
  for (int at = 0; at < 10000; at++) fprintf(stderr, "line %d\n", at);
  for (;;) write(STDERR_FILENO, block, sizeof block);
}
