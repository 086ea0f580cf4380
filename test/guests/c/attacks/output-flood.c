/* Writes to standard output without end; a failed write does not stop it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  static char block[64 * 1024];
  memset(block, 'x', sizeof block);
  while (getchar() != EOF) {
  }
  for (;;) write(STDOUT_FILENO, block, sizeof block);
}
