/* Says on standard output what the request's body spells, and nothing else: any output, chosen by the test (Gojinn's contract). */
#include "gojinn.h"

int main(void) {
  slice body = json_text(json_member(read_all(STDIN_FILENO), "body"));
  fwrite(body.bytes, 1, body.length, stdout);
  return 0;
}
