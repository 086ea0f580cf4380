/* Copies its standard input to its standard output, byte for byte: any output, chosen by the test. */
#include <stdio.h>

int main(void) {
  char bytes[16 * 1024];
  for (size_t got; (got = fread(bytes, 1, sizeof bytes, stdin)) > 0;) fwrite(bytes, 1, got, stdout);
  return 0;
}
