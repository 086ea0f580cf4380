/* Says "boom" on standard error and aborts, whatever it is asked. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  while (getchar() != EOF) {
  }
  fprintf(stderr, "boom\n");
  abort();
}
