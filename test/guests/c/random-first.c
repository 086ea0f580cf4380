/*
 * Draws random bytes before it has read anything of its request: what is made
 * from them then must not be the same in every request. A command: they come
 * back in hexadecimal, before what was on standard input.
 */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  unsigned char drawn[16];
  if (getentropy(drawn, sizeof drawn) != 0) return 1;
  char input[256];
  size_t length = fread(input, 1, sizeof input, stdin);
  for (size_t at = 0; at < sizeof drawn; at++) printf("%02x", drawn[at]);
  printf("\n%.*s", (int)length, input);
  return 0;
}
