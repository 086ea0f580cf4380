/*
 * A CGI program that passes its body on: as a message to the topic that the
 * query names. Answers with what the host said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((import_module("gojinn"), import_name("host_enqueue"))) int host_enqueue(const char *file, size_t file_length,
                                                                                       const char *payload, size_t payload_length);

int main(void) {
  const char *topic = getenv("QUERY_STRING");
  char payload[4096];
  size_t length = fread(payload, 1, sizeof payload, stdin);
  printf("Content-Type: text/plain\r\n\r\n%d", topic == NULL ? -1 : host_enqueue(topic, strlen(topic), payload, length));
  return 0;
}
