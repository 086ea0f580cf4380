/* Writes a line and ends with the exit code it is asked for. */
#include <stdlib.h>

#include "arguments.h"

int main(int argc, char **argv) {
  int code = atoi(asked(argc, argv));
  printf("ending with %d\n", code);
  exit(code);
}
