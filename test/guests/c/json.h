/*
 * JSON for guests in C, as little as they need: a member of an object as the
 * slice that it is in the text, a string's decoded bytes, and strings written
 * out. Slices keep numbers and nested values exactly as they came.
 */
#ifndef GUEST_JSON_H
#define GUEST_JSON_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `bytes` is NULL where there is nothing. */
typedef struct {
  const char *bytes;
  size_t length;
} slice;

static const char *json_blank(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* Behind the closing quote of the string that begins at `at`; NULL if it has none. */
static const char *json_string_end(const char *at, const char *end) {
  for (at++; at < end; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\') at++;
  }
  return NULL;
}

/* Behind the value at `at`; NULL when the text ends within it. Depth is counted, not recursed into. */
static const char *json_value_end(const char *at, const char *end) {
  int depth = 0;
  while (at < end) {
    if (*at == '"') {
      at = json_string_end(at, end);
      if (at == NULL) return NULL;
    } else if (*at == '{' || *at == '[') {
      depth++;
      at++;
    } else if (*at == '}' || *at == ']') {
      if (depth == 0) return NULL;
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
      continue;
    } else {
      const char *start = at;
      while (at < end && strchr(",}] \t\r\n", *at) == NULL) at++;
      return at == start ? NULL : at;
    }
    if (depth == 0) return at;
  }
  return NULL;
}

static slice json_member(slice object, const char *name) {
  const slice nothing = {NULL, 0};
  if (object.bytes == NULL) return nothing;
  const char *end = object.bytes + object.length;
  const char *at = json_blank(object.bytes, end);
  if (at >= end || *at != '{') return nothing;
  at = json_blank(at + 1, end);
  while (at < end && *at == '"') {
    const char *key = at + 1;
    at = json_string_end(at, end);
    if (at == NULL) return nothing;
    size_t key_length = (size_t)(at - 1 - key);
    at = json_blank(at, end);
    if (at >= end || *at != ':') return nothing;
    const char *value = json_blank(at + 1, end);
    const char *value_end = value < end ? json_value_end(value, end) : NULL;
    if (value_end == NULL) return nothing;
    if (key_length == strlen(name) && memcmp(key, name, key_length) == 0) return (slice){value, (size_t)(value_end - value)};
    at = json_blank(value_end, end);
    if (at >= end || *at != ',') return nothing;
    at = json_blank(at + 1, end);
  }
  return nothing;
}

static unsigned json_hex4(const char *at) {
  unsigned value = 0;
  for (int digit = 0; digit < 4; digit++) {
    char c = at[digit];
    value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return value;
}

static size_t json_put_utf8(char *out, unsigned code) {
  if (code < 0x80) return out[0] = (char)code, 1;
  if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 63)), out[2] = (char)(0x80 | (code & 63));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 63));
  out[2] = (char)(0x80 | (code >> 6 & 63)), out[3] = (char)(0x80 | (code & 63));
  return 4;
}

/* The bytes of a string value; `bytes` is NULL when it is no string. */
static slice json_text(slice value) {
  if (value.bytes == NULL || value.length < 2 || value.bytes[0] != '"') return (slice){NULL, 0};
  char *out = malloc(value.length);
  size_t length = 0;
  const char *end = value.bytes + value.length - 1;
  for (const char *at = value.bytes + 1; at < end; at++) {
    if (*at != '\\') {
      out[length++] = *at;
      continue;
    }
    at++;
    if (*at != 'u') {
      const char *from = "bfnrt", *to = "\b\f\n\r\t";
      const char *found = strchr(from, *at);
      out[length++] = found != NULL && *at != '\0' ? to[found - from] : *at;
      continue;
    }
    if (end - at < 5) break;
    unsigned code = json_hex4(at + 1);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at > 6 && at[1] == '\\' && at[2] == 'u') {
      code = 0x10000 + ((code - 0xd800) << 10) + (json_hex4(at + 3) - 0xdc00);
      at += 6;
    }
    length += json_put_utf8(out + length, code);
  }
  return (slice){out, length};
}

/* Writes the bytes between the quotes of a string. */
static void json_write_escaped(FILE *to, slice text) {
  for (size_t at = 0; at < text.length; at++) {
    unsigned char c = (unsigned char)text.bytes[at];
    if (c == '"' || c == '\\') fprintf(to, "\\%c", c);
    else if (c < 0x20) fprintf(to, "\\u%04x", c);
    else fputc(c, to);
  }
}
#endif
