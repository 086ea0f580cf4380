/* What the tests of the clients call; the same as handler.py and handler.mjs. */
#include <stddef.h>

static size_t test_body_max(void);
#define PL_BODY_MAX test_body_max()
#include "pilotlight.h"

static size_t test_body_max(void) {
  const char *text = getenv("BODY_MAX");
  return text == NULL ? 16777216 : (size_t)atol(text);
}

/* The value of "name=" in the query; a number. */
static long number_of(const pl_request *request, const char *name) {
  const char *found = strstr(request->target, name);
  return found == NULL ? -1 : atol(found + strlen(name));
}

static void nap(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static int is_path(const pl_request *request, const char *path) {
  size_t bytes = strlen(path);
  return strncmp(request->target, path, bytes) == 0 && (request->target[bytes] == '\0' || request->target[bytes] == '?');
}

static int handle(const pl_request *request, pl_response *response) {
  static unsigned char zeros[65536];
  if (is_path(request, "/echo")) {
    const char *sent = pl_find(request, "x-sent");
    pl_header(response, "x-method", request->method);
    pl_header(response, "x-target", request->target);
    pl_header(response, "X-Seen", sent == NULL ? "" : sent);
    pl_header(response, "Connection", "close");
    pl_write(response, request->body, request->body_bytes);
    return 0;
  }
  if (is_path(request, "/fail")) return 7;
  if (is_path(request, "/pieces")) {
    long count = number_of(request, "n="), broken = number_of(request, "fail=");
    for (long piece = 0; piece < count; piece++) {
      if (piece == broken) return 1;
      pl_print(response, "piece %ld;", piece);
      pl_flush(response);
    }
    return 0;
  }
  if (is_path(request, "/patient")) {
    while (!pl_cancelled(request)) nap(1);
    fprintf(stderr, "it was cancelled\n");
    pl_print(response, "too late");
    return 0;
  }
  if (is_path(request, "/endless")) {
    while (!pl_cancelled(request)) pl_write(response, zeros, 4096);
    return 1;
  }
  if (is_path(request, "/busy")) {
    fprintf(stderr, "busy\n");
    nap(1000 * number_of(request, "s="));
    pl_print(response, "done");
    return 0;
  }
  if (is_path(request, "/large")) {
    for (long rest = number_of(request, "bytes="); rest > 0; rest -= (long)sizeof zeros)
      pl_write(response, zeros, rest < (long)sizeof zeros ? (size_t)rest : sizeof zeros);
    return 0;
  }
  if (is_path(request, "/status")) {
    pl_status(response, (int)number_of(request, "code="));
    pl_print(response, "so be it");
    return 0;
  }
  if (is_path(request, "/header")) {
    /* What a handler may have from anywhere. */
    pl_header(response, "x-a", strstr(request->target, "%0A") != NULL ? "a\nb" : "b");
    return 0;
  }
  if (is_path(request, "/pid")) {
    pl_print(response, "%ld", (long)getpid());
    return 0;
  }
  return 1;
}

int main(void) { return pl_serve(handle); }
