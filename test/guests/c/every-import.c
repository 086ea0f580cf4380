/*
 * Calls every import of the host module gojinn, and answers with what each gave.
 * Signatures as Gojinn documents them. Gojinn's contract.
 */
#include <stdint.h>

#include "gojinn.h"

#define IMPORT(name) __attribute__((import_module("gojinn"), import_name(name)))
#define LITERAL(text) text, sizeof(text) - 1

IMPORT("host_log") void host_log(uint32_t level, const char *text, uint32_t length);
IMPORT("host_db_query") uint32_t host_db_query(const char *query, uint32_t length, char *out, uint32_t room);
IMPORT("host_kv_set") void host_kv_set(const char *key, uint32_t key_length, const char *value, uint32_t length);
IMPORT("host_kv_get") uint32_t host_kv_get(const char *key, uint32_t length, char *out, uint32_t room);
IMPORT("host_mutex_lock") uint32_t host_mutex_lock(const char *key, uint32_t length, uint32_t ttl);
IMPORT("host_mutex_unlock") uint32_t host_mutex_unlock(const char *key, uint32_t length);
IMPORT("host_s3_put") uint32_t host_s3_put(const char *key, uint32_t key_length, const char *value, uint32_t length);
IMPORT("host_s3_get") uint32_t host_s3_get(const char *key, uint32_t length, char *out, uint32_t room);
IMPORT("host_enqueue") uint32_t host_enqueue(const char *file, uint32_t file_length, const char *payload, uint32_t length);
IMPORT("host_ask_ai") uint64_t host_ask_ai(const char *prompt, uint32_t length, char *out, uint32_t room);
IMPORT("host_ws_upgrade") uint32_t host_ws_upgrade(void);
IMPORT("host_ws_read") uint64_t host_ws_read(char *out, uint32_t room);
IMPORT("host_ws_write") void host_ws_write(const char *text, uint32_t length);
IMPORT("host_http_get") uint64_t host_http_get(const char *url, uint32_t length, char *out, uint32_t room);

static char out[1024];
static char report[8192];
static size_t length;

static void note(const char *name, long long result) {
  length += (size_t)snprintf(report + length, sizeof report - length, "%s %lld\n", name, result);
}

/* What came back, when it was as long as the result says. */
static void note_text(const char *name, long long result) {
  note(name, result);
  if (result > 0 && result <= (long long)sizeof out)
    length += (size_t)snprintf(report + length, sizeof report - length, "  %.*s\n", (int)result, out);
}

int main(void) {
  /* The body is the URL to fetch. */
  slice url = json_text(json_member(read_all(STDIN_FILENO), "body"));
  host_log(0, LITERAL("a line of every-import"));
  host_log(3, LITERAL("an error of every-import"));
  note_text("host_db_query", (int32_t)host_db_query(LITERAL("SELECT 1 + 1 AS two"), out, sizeof out));
  host_kv_set(LITERAL("every:key"), LITERAL("value"));
  note_text("host_kv_get", (int32_t)host_kv_get(LITERAL("every:key"), out, sizeof out));
  note("host_kv_get missing", (int32_t)host_kv_get(LITERAL("every:none"), out, sizeof out));
  note("host_mutex_lock", (int32_t)host_mutex_lock(LITERAL("every:lock"), 30));
  note("host_mutex_lock held", (int32_t)host_mutex_lock(LITERAL("every:lock"), 30));
  note("host_mutex_unlock", (int32_t)host_mutex_unlock(LITERAL("every:lock")));
  note("host_s3_put", (int32_t)host_s3_put(LITERAL("every/blob"), LITERAL("content")));
  note_text("host_s3_get", (int32_t)host_s3_get(LITERAL("every/blob"), out, sizeof out));
  note("host_enqueue", (int32_t)host_enqueue(LITERAL("order.wasm"), LITERAL("{}")));
  note("host_ask_ai", (int64_t)host_ask_ai(LITERAL("hello"), out, sizeof out));
  note("host_ws_upgrade", (int32_t)host_ws_upgrade());
  note("host_ws_read", (int64_t)host_ws_read(out, sizeof out));
  host_ws_write(LITERAL("hello"));
  note_text("host_http_get", url.length == 0 ? 0 : (int64_t)host_http_get(url.bytes, url.length, out, sizeof out));
  answer(200, "text/plain; charset=utf-8", (slice){report, length});
  return 0;
}
