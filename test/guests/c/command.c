/* A plain command: whatever is on its standard input, in capital letters. Arguments come first, one a line. */
#include <ctype.h>
#include <stdio.h>

int main(int argc, char **argv) {
  for (int at = 1; at < argc; at++) printf("%s\n", argv[at]);
  for (int c; (c = getchar()) != EOF;) putchar(toupper(c));
  return 0;
}
