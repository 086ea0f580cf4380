#include <stdio.h>
#include <stdlib.h>

#define IMPORT(name) __attribute__((import_module("gojinn"), import_name(#name))) name
unsigned IMPORT(host_kv_get)(const char *key, unsigned length, char *out, unsigned max);
void IMPORT(host_kv_set)(const char *key, unsigned length, const char *value, unsigned value_length);
unsigned IMPORT(host_mutex_lock)(const char *key, unsigned length, unsigned seconds);
unsigned IMPORT(host_mutex_unlock)(const char *key, unsigned length);

int main(void) {
  char text[16] = "0";
  if (!host_mutex_lock("visits", 6, 5)) {
    puts("{\"status\":503,\"body\":\"busy\"}");
    return 0;
  }
  unsigned length = host_kv_get("visits", 6, text, sizeof text - 1);
  int count = length == 0xffffffff ? 1 : atoi(text) + 1;
  host_kv_set("visits", 6, text, snprintf(text, sizeof text, "%d", count));
  host_mutex_unlock("visits", 6);
  printf("{\"status\":200,\"headers\":{\"Content-Type\":[\"text/plain\"]},\"body\":\"visit %d\\n\"}", count);
}
