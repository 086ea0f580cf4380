/* Uses every function of the host module pilotlight, and answers with their results (plain command). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("pilotlight"), import_name(#name)))
#define TEXT(text) text, sizeof(text) - 1

IMPORT(kv_get) int kv_get(const char *name, uint32_t, const char *key, uint32_t, char *out, uint32_t max, uint32_t *needed);
IMPORT(kv_set) int kv_set(const char *name, uint32_t, const char *key, uint32_t, const char *value, uint32_t, uint32_t ttl_ms);
IMPORT(kv_delete) int kv_delete(const char *name, uint32_t, const char *key, uint32_t);
IMPORT(sql_query) int sql_query(const char *name, uint32_t, const char *sql, uint32_t, const char *params, uint32_t, char *out, uint32_t max, uint32_t *needed);
IMPORT(blob_get) int blob_get(const char *name, uint32_t, const char *key, uint32_t, char *out, uint32_t max, uint32_t *needed);
IMPORT(blob_put) int blob_put(const char *name, uint32_t, const char *key, uint32_t, const char *content, uint32_t);
IMPORT(queue_send) int queue_send(const char *topic, uint32_t, const char *payload, uint32_t, uint32_t delay_ms);
IMPORT(lock_acquire) int lock_acquire(const char *name, uint32_t, const char *key, uint32_t, uint32_t ttl_ms, uint32_t wait_ms, uint64_t *token);
IMPORT(lock_release) int lock_release(const char *name, uint32_t, const char *key, uint32_t, uint64_t token);
IMPORT(http_get) int http_get(const char *url, uint32_t, char *out, uint32_t max, uint32_t *needed, uint32_t *status);

int main(void) {
  char out[64];
  uint32_t needed = 0, status = 0;
  uint64_t token = 0, other = 0;
  printf("kv_get absent %d\n", kv_get("", 0, TEXT("nobody"), out, sizeof out, &needed));
  printf("kv_set %d\n", kv_set("", 0, TEXT("key"), TEXT("a value"), 0));
  int got = kv_get("", 0, TEXT("key"), out, 3, &needed);
  printf("kv_get small %d %u\n", got, needed);
  got = kv_get("", 0, TEXT("key"), out, sizeof out, &needed);
  printf("kv_get %d %.*s\n", got, (int)needed, out);
  printf("kv_get outside %d\n", kv_get("", 0, TEXT("key"), (char *)0xfffffff0, 64, &needed));
  printf("kv_get denied %d\n", kv_get(TEXT("elsewhere"), TEXT("key"), out, sizeof out, &needed));
  printf("kv_delete %d\n", kv_delete("", 0, TEXT("key")));
  printf("kv_delete again %d\n", kv_delete("", 0, TEXT("key")));
  got = sql_query("", 0, TEXT("select ? + 1 as sum, ? as word"), TEXT("[41, \"O'Brien\"]"), out, sizeof out, &needed);
  printf("sql_query %d %.*s\n", got, (int)needed, out);
  printf("sql_query wrong %d\n", sql_query("", 0, TEXT("selec"), "", 0, out, sizeof out, &needed));
  printf("blob_put %d\n", blob_put("", 0, TEXT("file"), TEXT("content")));
  got = blob_get("", 0, TEXT("file"), out, sizeof out, &needed);
  printf("blob_get %d %.*s\n", got, (int)needed, out);
  printf("queue_send %d\n", queue_send(TEXT("jobs"), TEXT("{}"), 60000));
  printf("lock_acquire %d\n", lock_acquire("", 0, TEXT("door"), 60000, 0, &token));
  printf("lock_acquire held %d\n", lock_acquire("", 0, TEXT("door"), 60000, 0, &other));
  printf("lock_release wrong %d\n", lock_release("", 0, TEXT("door"), token + 1));
  printf("lock_release %d\n", lock_release("", 0, TEXT("door"), token));
  printf("http_get denied %d\n", http_get(TEXT("http://127.0.0.1:1/"), out, sizeof out, &needed, &status));
  return 0;
}
