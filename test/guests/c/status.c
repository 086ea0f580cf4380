/* Answers with the status that the request's path names, and no body (Gojinn's contract). */
#include "gojinn.h"

int main(void) {
  slice uri = json_text(json_member(read_all(STDIN_FILENO), "uri"));
  printf("{\"status\":%.*s}", uri.length == 0 ? 0 : (int)uri.length - 1, uri.bytes + 1);
  return 0;
}
