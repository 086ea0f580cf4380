/*
 * Uses the host module gojinn as its body says (plain command): "all URL" calls every function and answers with their results;
 * "lock KEY SECONDS" takes a lock and leaves it; "lock KEY SECONDS URL" holds it until the URL has answered.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("gojinn"), import_name(#name)))
#define TEXT(text) text, sizeof(text) - 1

IMPORT(host_log) void host_log(uint32_t level, const char *text, uint32_t);
IMPORT(host_kv_get) uint32_t host_kv_get(const char *key, uint32_t, char *out, uint32_t max);
IMPORT(host_kv_set) void host_kv_set(const char *key, uint32_t, const char *value, uint32_t);
IMPORT(host_db_query) uint32_t host_db_query(const char *sql, uint32_t, char *out, uint32_t max);
IMPORT(host_s3_put) uint32_t host_s3_put(const char *key, uint32_t, const char *body, uint32_t);
IMPORT(host_s3_get) uint32_t host_s3_get(const char *key, uint32_t, char *out, uint32_t max);
IMPORT(host_enqueue) uint32_t host_enqueue(const char *topic, uint32_t, const char *payload, uint32_t);
IMPORT(host_mutex_lock) uint32_t host_mutex_lock(const char *key, uint32_t, uint32_t seconds);
IMPORT(host_mutex_unlock) uint32_t host_mutex_unlock(const char *key, uint32_t);
IMPORT(host_http_get) uint64_t host_http_get(const char *url, uint32_t, char *out, uint32_t max);
IMPORT(host_ask_ai) uint64_t host_ask_ai(const char *prompt, uint32_t, char *out, uint32_t max);
IMPORT(host_ws_upgrade) uint32_t host_ws_upgrade(void);
IMPORT(host_ws_read) uint64_t host_ws_read(char *out, uint32_t max);
IMPORT(host_ws_write) void host_ws_write(const char *text, uint32_t);

static void all(const char *url) {
  char out[64];
  host_log(0, TEXT("a line"));
  host_log(3, TEXT("an error"));
  printf("host_kv_get absent %x\n", host_kv_get(TEXT("key"), out, sizeof out));
  host_kv_set(TEXT("key"), TEXT("a value"));
  uint32_t got = host_kv_get(TEXT("key"), out, sizeof out);
  printf("host_kv_get %u %.*s\n", got, (int)got, out);
  got = host_kv_get(TEXT("key"), out, 3);
  printf("host_kv_get cut %u %.*s\n", got, (int)got, out);
  got = host_db_query(TEXT("select 42 as sum"), out, sizeof out);
  printf("host_db_query %u %.*s\n", got, (int)got, out);
  printf("host_s3_put %u\n", host_s3_put(TEXT("file"), TEXT("content")));
  got = host_s3_get(TEXT("file"), out, sizeof out);
  printf("host_s3_get %u %.*s\n", got, (int)got, out);
  printf("host_enqueue %u\n", host_enqueue(TEXT("jobs"), TEXT("{}")));
  printf("host_mutex_unlock not held %u\n", host_mutex_unlock(TEXT("door")));
  printf("host_mutex_lock %u\n", host_mutex_lock(TEXT("door"), 60));
  printf("host_mutex_lock held %u\n", host_mutex_lock(TEXT("door"), 60));
  printf("host_mutex_unlock %u\n", host_mutex_unlock(TEXT("door")));
  printf("host_mutex_lock free %u\n", host_mutex_lock(TEXT("door"), 60));
  printf("host_mutex_unlock free %u\n", host_mutex_unlock(TEXT("door")));
  got = (uint32_t)host_http_get(url, strlen(url), out, sizeof out);
  printf("host_http_get %u %.*s\n", got, (int)got, out);
  got = (uint32_t)host_ask_ai(TEXT("why?"), out, sizeof out);
  printf("host_ask_ai %u %.*s\n", got, (int)got, out);
  host_ws_write(TEXT("text"));
  printf("host_ws %u %u\n", host_ws_upgrade(), (uint32_t)host_ws_read(out, sizeof out));
}

int main(void) {
  char what[8] = "", key[64] = "", url[128] = "";
  unsigned seconds = 0;
  if (scanf("%7s %63s %u %127s", what, key, &seconds, url) < 2) return 1;
  if (strcmp(what, "all") == 0) {
    all(key);
    return 0;
  }
  char out[64];
  uint32_t taken = host_mutex_lock(key, strlen(key), seconds);
  printf("%s\n", taken ? "taken" : "held");
  if (*url == 0) return 0;
  host_http_get(url, strlen(url), out, sizeof out);
  printf("%s\n", host_mutex_unlock(key, strlen(key)) ? "given back" : "lost");
  return 0;
}
