/* How often this instance was asked (Gojinn's contract): with fresh state always 1. */
#include "gojinn.h"

static int count;

int main(void) {
  read_all(STDIN_FILENO);
  char text[16];
  snprintf(text, sizeof text, "%d", ++count);
  answer_text(200, text);
  return 0;
}
