/* Sleeps for as many milliseconds as the request's path names (Gojinn's contract). */
#include <time.h>

#include "gojinn.h"

int main(void) {
  slice uri = json_text(json_member(read_all(STDIN_FILENO), "uri"));
  char number[16] = "";
  memcpy(number, uri.bytes + 1, uri.length - 1 < 15 ? uri.length - 1 : 15);
  long ms = atol(number);
  struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  if (nanosleep(&span, NULL) != 0) {
    perror("nanosleep");
    return 1;
  }
  answer_text(200, "waited");
  return 0;
}
