/*
 * Gojinn's contract for guests in C: the request is one JSON object on standard
 * input, the answer one on standard output.
 */
#ifndef GUEST_GOJINN_H
#define GUEST_GOJINN_H
#include <unistd.h>

#include "json.h"

static slice read_all(int descriptor) {
  size_t room = 16 * 1024, length = 0;
  char *bytes = malloc(room);
  for (;;) {
    if (length == room) bytes = realloc(bytes, room *= 2);
    ssize_t got = read(descriptor, bytes + length, room - length);
    if (got <= 0) return (slice){bytes, length};
    length += (size_t)got;
  }
}

/* Answers with a text as the body. */
static void answer(int status, const char *content_type, slice body) {
  printf("{\"status\":%d,\"headers\":{\"Content-Type\":[\"%s\"]},\"body\":\"", status, content_type);
  json_write_escaped(stdout, body);
  printf("\"}");
}

static void answer_text(int status, const char *body) {
  answer(status, "text/plain; charset=utf-8", (slice){body, strlen(body)});
}
#endif
