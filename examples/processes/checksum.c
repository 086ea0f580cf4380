/*
 * A process function in C: the CRC-32 of what it is sent, about the cheapest thing that a process can be asked for. Built, it is a function:
 *
 *   cc -O2 -I guest/process -o examples/processes/checksum examples/processes/checksum.c
 *   curl --data-binary @README.md http://127.0.0.1:8080/processes/checksum
 */
#include "pilotlight.h"

static uint32_t crc32_of(const unsigned char *data, size_t bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (; bytes > 0; bytes--) {
    crc ^= *data++;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

static int checksum(const pl_request *request, pl_response *response) {
  if (strcmp(request->method, "POST") != 0) {
    pl_status(response, 405);
    pl_header(response, "allow", "POST");
    return 0;
  }
  pl_header(response, "content-type", "text/plain");
  pl_print(response, "%08x\n", (unsigned)crc32_of(request->body, request->body_bytes));
  return 0;
}

int main(void) { return pl_serve(checksum); }
