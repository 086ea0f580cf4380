/* What a guest is asked to do: its first argument, or what is on standard input. */
#ifndef GUEST_ARGUMENTS_H
#define GUEST_ARGUMENTS_H
#include <stdio.h>
#include <string.h>

static const char *asked(int argc, char **argv) {
  static char line[256];
  if (argc > 1) return argv[1];
  size_t length = fread(line, 1, sizeof line - 1, stdin);
  line[length] = '\0';
  line[strcspn(line, "\r\n")] = '\0';
  return line;
}
#endif
