/*
 * Echo in Gojinn's contract: the body comes back byte for byte, binary ones too;
 * x-method, x-target and x-echo (the request's X-Probe) say what arrived, and
 * x-headers all of its headers as the JSON they came in.
 */
#include "gojinn.h"

static void header(const char *name, slice value) {
  printf(",\"%s\":[\"", name);
  json_write_escaped(stdout, value);
  printf("\"]");
}

/* The first value of a header, as the JSON string that it is. */
static slice first_value(slice headers, const char *name) {
  slice values = json_member(headers, name);
  if (values.bytes == NULL || values.bytes[0] != '[') return values;
  const char *end = values.bytes + values.length;
  const char *at = json_blank(values.bytes + 1, end);
  const char *value_end = json_value_end(at, end);
  return value_end == NULL ? (slice){NULL, 0} : (slice){at, (size_t)(value_end - at)};
}

int main(void) {
  slice request = read_all(STDIN_FILENO);
  slice headers = json_member(request, "headers");
  slice type = json_text(first_value(headers, "Content-Type"));
  slice binary = json_member(request, "body_base64");
  slice body = json_member(request, "body");
  printf("{\"status\":200,\"headers\":{\"Content-Type\":[\"");
  json_write_escaped(stdout, type.length == 0 ? (slice){"application/octet-stream", 24} : type);
  printf("\"]");
  header("x-method", json_text(json_member(request, "method")));
  header("x-target", json_text(json_member(request, "uri")));
  header("x-echo", json_text(first_value(headers, "X-Probe")));
  header("x-headers", headers);
  printf("}");
  if (binary.bytes != NULL) printf(",\"body_base64\":%.*s", (int)binary.length, binary.bytes);
  else printf(",\"body\":%.*s", (int)body.length, body.bytes == NULL ? "" : body.bytes);
  printf("}");
  return 0;
}
