/*
 * Pilotlight functions in C: answers the calls of a server, as docs/process-protocol.md says. C99 with the atomics of GCC and Clang,
 * POSIX, header only; include it first, in one file.
 *
 *   #include "pilotlight.h"
 *
 *   static int hello(const pl_request *request, pl_response *response) {
 *     pl_header(response, "content-type", "text/plain");
 *     pl_print(response, "Hello from %s\n", request->target);
 *     return 0;
 *   }
 *
 *   int main(void) { return pl_serve(hello); }
 *
 * One call at a time: more of them are more processes. Calls come through the shared-memory ring where the server offers one, otherwise in
 * frames. A request is copied out of the ring before a handler sees it, so that its room is free while the handler works.
 */
#ifndef PILOTLIGHT_H
#define PILOTLIGHT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef PL_BODY_MAX
/* A longer request body is answered with 413. */
#define PL_BODY_MAX (64u * 1024u * 1024u)
#endif

typedef struct pl_link pl_link;

typedef struct pl_request {
  const char *method;
  const char *target; /* As in the request line: "/orders?page=2". */
  const unsigned char *body;
  size_t body_bytes;
  /* Names and values in turn, each ended by a zero; an empty name is the end. pl_find looks in it. */
  const char *headers;
  uint32_t call;
  pl_link *link;
} pl_request;

typedef struct pl_buffer {
  unsigned char *data;
  size_t bytes, room;
} pl_buffer;

/* What pl_status, pl_header, pl_write, pl_print and pl_flush fill. */
typedef struct pl_response {
  int status;
  pl_buffer head, body;
  uint32_t call;
  int is_begun;
  const char *fault;
  pl_link *link;
} pl_response;

/* Returns 0 when it has answered; anything else tells the client 500. */
typedef int (*pl_handler)(const pl_request *request, pl_response *response);

/* ---- What both ways of being called have in common ---- */

enum { PL_REQUEST = 1, PL_REQUEST_BODY, PL_RESPONSE, PL_RESPONSE_BODY, PL_CANCEL, PL_PING, PL_PONG, PL_STOP, PL_FAILED };
enum { PL_END = 1, PL_HEADER_BYTES = 16, PL_RING_DATA = 4096, PL_FRAME_MAX = 1024 * 1024 };
/* Words of the ring's header page. */
enum { PL_ASKED = 32, PL_TAKEN = 64, PL_ASLEEP = 96, PL_ASKING_WAITS = 128, PL_TOLD = 288, PL_TOLD_TAKEN = 320, PL_SERVER_ASLEEP = 352, PL_WAITS = 384 };

struct pl_link {
  int fd;
  /* The server has gone: what is sent goes nowhere, and the loop ends. */
  int is_over;
  /* The ring; null for frames. */
  unsigned char *memory;
  uint32_t *words;
  uint32_t room, taken, published;
  int checks, warmth;
  /* Frames: what was received and not yet taken. */
  pl_buffer received;
  size_t message_max;
  uint32_t crc_table[8][256];
};

typedef struct pl_message {
  unsigned kind, flags;
  uint32_t call;
  const unsigned char *head, *body;
  size_t head_bytes, body_bytes;
  /* What taking it frees, in the ring or in the buffer. */
  size_t whole;
} pl_message;

static inline int pl__broken(const char *what) {
  fprintf(stderr, "pilotlight: the server sent %s\n", what);
  return -1;
}

static inline int pl__append(pl_buffer *buffer, const void *data, size_t bytes) {
  if (bytes > buffer->room - buffer->bytes) {
    size_t room = (buffer->bytes + bytes) * 2;
    unsigned char *grown = (unsigned char *)realloc(buffer->data, room);
    if (grown == NULL) return -1;
    buffer->data = grown;
    buffer->room = room;
  }
  if (bytes > 0) memcpy(buffer->data + buffer->bytes, data, bytes);
  buffer->bytes += bytes;
  return 0;
}

static inline uint32_t pl__u32(const unsigned char *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void pl__put_u32(unsigned char *at, uint32_t value) {
  at[0] = (unsigned char)value;
  at[1] = (unsigned char)(value >> 8);
  at[2] = (unsigned char)(value >> 16);
  at[3] = (unsigned char)(value >> 24);
}

static inline void pl__make_crc_table(pl_link *link) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
    link->crc_table[0][byte] = crc;
  }
  for (int slice = 1; slice < 8; slice++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t crc = link->crc_table[slice - 1][byte];
      link->crc_table[slice][byte] = crc >> 8 ^ link->crc_table[0][crc & 255];
    }
}

/* Eight bytes a step: a byte a step takes five times as long. */
static inline uint32_t pl__crc32(const pl_link *link, const unsigned char *data, size_t bytes) {
  const uint32_t(*table)[256] = link->crc_table;
  uint32_t crc = 0xFFFFFFFFu;
  for (; bytes >= 8; bytes -= 8, data += 8) {
    uint32_t low = crc ^ pl__u32(data), high = pl__u32(data + 4);
    crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^ table[3][high & 255] ^
          table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
  }
  for (; bytes > 0; bytes--, data++) crc = crc >> 8 ^ table[0][(crc ^ *data) & 255];
  return ~crc;
}

static inline int pl__parse(const unsigned char *at, size_t length, pl_message *message) {
  if (length < PL_HEADER_BYTES) return pl__broken("a message without a header");
  message->kind = at[0];
  message->flags = at[1];
  message->call = pl__u32(at + 4);
  message->head_bytes = pl__u32(at + 8);
  message->body_bytes = pl__u32(at + 12);
  if ((uint64_t)PL_HEADER_BYTES + message->head_bytes + message->body_bytes != length) return pl__broken("a message of other lengths than it says");
  message->head = at + PL_HEADER_BYTES;
  message->body = message->head + message->head_bytes;
  return 1;
}

/* Bytes received; 0 when there are none and `flags` do not wait; -1 at the end. */
static inline ssize_t pl__receive(pl_link *link, void *into, size_t room, int flags) {
  for (;;) {
    ssize_t bytes = recv(link->fd, into, room, flags);
    if (bytes > 0) return bytes;
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    link->is_over = 1;
    return -1;
  }
}

static inline void pl__send_all(pl_link *link, const void *data, size_t bytes) {
  const unsigned char *at = (const unsigned char *)data;
  while (bytes > 0 && !link->is_over) {
    ssize_t sent = send(link->fd, at, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      link->is_over = 1;
      return;
    }
    at += sent;
    bytes -= (size_t)sent;
  }
}

/* ---- The ring ---- */

static inline uint32_t pl__load(const pl_link *link, int word) { return __atomic_load_n(link->words + word, __ATOMIC_ACQUIRE); }

static inline void pl__store(pl_link *link, int word, uint32_t value) { __atomic_store_n(link->words + word, value, __ATOMIC_RELEASE); }

/* Between a word of ours that was written and one of the server's that is read. */
static inline void pl__fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* A bell that finds no room in the socket is not missed: there are others to hear. */
static inline void pl__ring(pl_link *link) {
  if (send(link->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && (errno == EPIPE || errno == ECONNRESET)) link->is_over = 1;
}

static inline int pl__map(pl_link *link, const char *path) {
  struct stat found;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return -1;
  if (fstat(file, &found) == 0 && found.st_size > PL_RING_DATA) {
    void *memory = mmap(NULL, (size_t)found.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) link->memory = (unsigned char *)memory;
  }
  close(file);
  if (link->memory == NULL) return -1;
  link->words = (uint32_t *)link->memory;
  link->room = link->words[4];
  uint64_t end = (uint64_t)PL_RING_DATA + 2 * (uint64_t)link->room;
  if (memcmp(link->memory, "PLRING1\n", 8) != 0 || link->words[2] != 1 || link->room < 64 || (link->room & (link->room - 1)) != 0 ||
      link->words[5] != PL_RING_DATA || link->words[6] != PL_RING_DATA + link->room || end > (uint64_t)found.st_size) {
    munmap(link->memory, (size_t)found.st_size);
    link->memory = NULL;
    return -1;
  }
  link->checks = (int)(link->words[3] & 1);
  link->taken = link->words[PL_TAKEN];
  link->published = link->words[PL_TOLD];
  link->message_max = link->room / 2 - 8 < PL_FRAME_MAX ? link->room / 2 - 8 : PL_FRAME_MAX;
  return 0;
}

/* The entry at `taken`: 1, 0 when there is none, -1 when it can't be. */
static inline int pl__entry(const pl_link *link, uint32_t taken, pl_message *message) {
  uint32_t there = pl__load(link, PL_ASKED) - taken, at = taken & (link->room - 1), skipped = 0;
  if (there == 0) return 0;
  if (there > link->room || (at & 7) != 0) return pl__broken("a head that is beyond the ring");
  const unsigned char *entry = link->memory + PL_RING_DATA + at;
  if (pl__u32(entry) == 0xFFFFFFFFu) {
    skipped = link->room - at;
    at = 0;
    entry = link->memory + PL_RING_DATA;
  }
  uint32_t length = pl__u32(entry), crc = pl__u32(entry + 4);
  uint64_t whole = (uint64_t)skipped + 8 + (((uint64_t)length + 7) & ~(uint64_t)7);
  if (whole > there || (uint64_t)at + 8 + length > link->room) return pl__broken("an entry that passes the head of the ring");
  if (link->checks && pl__crc32(link, entry + 8, length) != crc) return pl__broken("a message with another CRC-32 than it says");
  message->whole = (size_t)whole;
  return pl__parse(entry + 8, length, message);
}

static inline uint64_t pl__now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Looks a little longer where calls came close together, then sleeps until the server rings. */
static inline void pl__await_entry(pl_link *link) {
  const uint64_t spin_ns = 10000, near_ns = 30000;
  uint64_t since = pl__now_ns();
  if (link->warmth > 2) {
    do {
      for (int look = 0; look < 64; look++)
        if (pl__load(link, PL_ASKED) != link->taken) {
          if (link->warmth < 8) link->warmth++;
          return;
        }
    } while (pl__now_ns() - since < spin_ns);
    link->warmth -= 2;
  }
  while (!link->is_over) {
    unsigned char bells[256];
    pl__store(link, PL_ASLEEP, 1);
    pl__fence();
    if (pl__load(link, PL_ASKED) == link->taken) pl__receive(link, bells, sizeof bells, 0);
    pl__store(link, PL_ASLEEP, 0);
    if (pl__load(link, PL_ASKED) != link->taken) break;
  }
  if (pl__now_ns() - since > near_ns)
    link->warmth = 0;
  else if (link->warmth < 8)
    link->warmth++;
}

static inline void pl__put_entry(pl_link *link, const unsigned char *header, const void *head, size_t head_bytes, const void *body, size_t body_bytes) {
  uint32_t length = (uint32_t)(PL_HEADER_BYTES + head_bytes + body_bytes), whole = 8 + ((length + 7) & ~7u);
  uint32_t at = link->published & (link->room - 1), skipped = at + whole > link->room ? link->room - at : 0;
  while (link->published - pl__load(link, PL_TOLD_TAKEN) + skipped + whole > link->room) {
    unsigned char bells[256];
    pl__store(link, PL_WAITS, 1);
    pl__fence();
    if (link->published - pl__load(link, PL_TOLD_TAKEN) + skipped + whole <= link->room) break;
    if (pl__receive(link, bells, sizeof bells, 0) < 0) return;
  }
  pl__store(link, PL_WAITS, 0);
  unsigned char *data = link->memory + PL_RING_DATA + link->room;
  if (skipped > 0) {
    pl__put_u32(data + at, 0xFFFFFFFFu);
    at = 0;
  }
  unsigned char *entry = data + at, *message = entry + 8;
  memcpy(message, header, PL_HEADER_BYTES);
  if (head_bytes > 0) memcpy(message + PL_HEADER_BYTES, head, head_bytes);
  if (body_bytes > 0) memcpy(message + PL_HEADER_BYTES + head_bytes, body, body_bytes);
  memset(message + length, 0, whole - 8 - length);
  pl__put_u32(entry, length);
  pl__put_u32(entry + 4, link->checks ? pl__crc32(link, message, length) : 0);
  link->published += skipped + whole;
  pl__store(link, PL_TOLD, link->published);
  pl__fence();
  if (pl__load(link, PL_SERVER_ASLEEP) == 1) {
    pl__store(link, PL_SERVER_ASLEEP, 0);
    pl__ring(link);
  }
}

/* ---- Frames ---- */

/* The frame at `at` of what was received: 1, 0 when it is not whole, -1 when it can't be. */
static inline int pl__frame(const pl_link *link, size_t at, pl_message *message) {
  size_t there = link->received.bytes - at;
  if (there < 4) return 0;
  uint32_t length = pl__u32(link->received.data + at);
  if (length < PL_HEADER_BYTES || length > PL_FRAME_MAX) return pl__broken("a frame of an impossible length");
  if (there < 4 + (size_t)length) return 0;
  message->whole = 4 + (size_t)length;
  return pl__parse(link->received.data + at + 4, length, message);
}

static inline int pl__receive_more(pl_link *link, int flags) {
  unsigned char data[65536];
  ssize_t bytes = pl__receive(link, data, sizeof data, flags);
  if (bytes <= 0) return (int)bytes;
  if (pl__append(&link->received, data, (size_t)bytes) == 0) return 1;
  link->is_over = 1;
  fprintf(stderr, "pilotlight: out of memory\n");
  return -1;
}

/* ---- Either way ---- */

/* Waits for the next message: 1; 0 at the end of the connection; -1 when the server broke the protocol. */
static inline int pl__next(pl_link *link, pl_message *message) {
  while (!link->is_over) {
    int found = link->memory != NULL ? pl__entry(link, link->taken, message) : pl__frame(link, 0, message);
    if (found != 0) return found;
    if (link->memory != NULL)
      pl__await_entry(link);
    else
      pl__receive_more(link, 0);
  }
  return 0;
}

/* Its bytes are free again: whoever wants them later has copied them. */
static inline void pl__take(pl_link *link, const pl_message *message) {
  if (link->memory == NULL) {
    link->received.bytes -= message->whole;
    memmove(link->received.data, link->received.data + message->whole, link->received.bytes);
    return;
  }
  link->taken += (uint32_t)message->whole;
  pl__store(link, PL_TAKEN, link->taken);
  pl__fence();
  if (pl__load(link, PL_ASKING_WAITS) == 1) pl__ring(link);
}

static inline void pl__send(pl_link *link, unsigned kind, unsigned flags, int status, uint32_t call, const pl_buffer *head, const void *body, size_t body_bytes) {
  unsigned char header[4 + PL_HEADER_BYTES];
  size_t head_bytes = head == NULL ? 0 : head->bytes;
  if (link->is_over) return;
  pl__put_u32(header, (uint32_t)(PL_HEADER_BYTES + head_bytes + body_bytes));
  header[4] = (unsigned char)kind;
  header[5] = (unsigned char)flags;
  header[6] = (unsigned char)status;
  header[7] = (unsigned char)(status >> 8);
  pl__put_u32(header + 8, call);
  pl__put_u32(header + 12, (uint32_t)head_bytes);
  pl__put_u32(header + 16, (uint32_t)body_bytes);
  if (link->memory != NULL) {
    pl__put_entry(link, header + 4, head == NULL ? NULL : head->data, head_bytes, body, body_bytes);
    return;
  }
  pl_buffer frame = {NULL, 0, 0};
  if (pl__append(&frame, header, sizeof header) != 0 || (head_bytes > 0 && pl__append(&frame, head->data, head_bytes) != 0) ||
      (body_bytes > 0 && pl__append(&frame, body, body_bytes) != 0))
    link->is_over = 1;
  else
    pl__send_all(link, frame.data, frame.bytes);
  free(frame.data);
}

/* ---- For handlers ---- */

/* The value of a header, by its name in lower case; null when there is none. */
static inline const char *pl_find(const pl_request *request, const char *name) {
  const char *at = request->headers;
  while (*at != '\0') {
    const char *value = at + strlen(at) + 1;
    if (strcmp(at, name) == 0) return value;
    at = value + strlen(value) + 1;
  }
  return NULL;
}

/* Whether nobody waits for the answer any more; for handlers that take long. */
static inline int pl_cancelled(const pl_request *request) {
  pl_link *link = request->link;
  pl_message message;
  if (link->memory == NULL) {
    while (pl__receive_more(link, MSG_DONTWAIT) > 0) {
    }
    for (size_t at = 0; pl__frame(link, at, &message) == 1; at += message.whole)
      if (message.kind == PL_CANCEL && message.call == request->call) return 1;
  } else {
    for (uint32_t at = link->taken; pl__entry(link, at, &message) == 1; at += (uint32_t)message.whole)
      if (message.kind == PL_CANCEL && message.call == request->call) return 1;
  }
  return link->is_over;
}

static inline void pl_status(pl_response *response, int status) {
  response->status = status;
  if (status < 200 || status > 599) response->fault = "the status of an answer is from 200 to 599";
}

static inline void pl_header(pl_response *response, const char *name, const char *value) {
  static const char *const servers_own[] = {"connection", "content-length", "transfer-encoding"};
  char lower[128];
  size_t bytes = strlen(name);
  if (bytes == 0 || bytes >= sizeof lower || strcspn(name, " \t\r\n:\"(),/;<=>?@[\\]{}") != bytes || strpbrk(value, "\r\n") != NULL) {
    response->fault = "a header with an impossible name or value";
    return;
  }
  for (size_t at = 0; at <= bytes; at++) lower[at] = (char)(name[at] >= 'A' && name[at] <= 'Z' ? name[at] + 32 : name[at]);
  for (size_t own = 0; own < 3; own++)
    if (strcmp(lower, servers_own[own]) == 0) return;
  if (pl__append(&response->head, lower, bytes) != 0 || pl__append(&response->head, ": ", 2) != 0 ||
      pl__append(&response->head, value, strlen(value)) != 0 || pl__append(&response->head, "\n", 1) != 0)
    response->fault = "out of memory";
  if (response->head.bytes > response->link->message_max / 2 - PL_HEADER_BYTES) response->fault = "the headers of the answer are too long";
}

/* Sends what was written so far; the status and headers with the first of it. */
static inline void pl__flush(pl_response *response, unsigned last_flags) {
  size_t part_max = response->link->message_max / 2, at = 0;
  do {
    size_t rest = response->body.bytes - at, part = rest > part_max ? part_max : rest;
    unsigned flags = part == rest ? last_flags : 0;
    const unsigned char *data = part == 0 ? NULL : response->body.data + at;
    if (!response->is_begun)
      pl__send(response->link, PL_RESPONSE, flags, response->status, response->call, &response->head, data, part);
    else if (part > 0 || flags != 0)
      pl__send(response->link, PL_RESPONSE_BODY, flags, 0, response->call, NULL, data, part);
    response->is_begun = 1;
    at += part;
  } while (at < response->body.bytes);
  response->body.bytes = 0;
}

static inline void pl_flush(pl_response *response) {
  if (response->fault == NULL) pl__flush(response, 0);
}

/* More of the body. Much of it leaves before the handler is done. */
static inline void pl_write(pl_response *response, const void *data, size_t bytes) {
  if (response->fault != NULL) return;
  if (pl__append(&response->body, data, bytes) != 0)
    response->fault = "out of memory";
  else if (response->body.bytes > response->link->message_max / 2)
    pl__flush(response, 0);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline void
pl_print(pl_response *response, const char *format, ...) {
  char text[4096];
  va_list values;
  va_start(values, format);
  int bytes = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  if (bytes < 0 || (size_t)bytes >= sizeof text)
    response->fault = "pl_print was given more than 4095 bytes";
  else
    pl_write(response, text, (size_t)bytes);
}

/* ---- The loop ---- */

/* The call whose request is coming in; one, as READY says. */
typedef struct pl__call {
  int is_open;
  uint32_t call;
  pl_buffer head, body;
} pl__call;

static inline void pl__fail(pl_link *link, uint32_t call, const char *text) { pl__send(link, PL_FAILED, PL_END, 0, call, NULL, text, strlen(text)); }

/* "GET /a\nname: value\n" becomes zero-ended texts, in place; its buffer ends with two zeros already. */
static inline int pl__read_head(pl_buffer *head, pl_request *request) {
  char *text = (char *)head->data, *line_end = strchr(text, '\n'), *space = strchr(text, ' ');
  if (line_end == NULL || space == NULL || space > line_end) return pl__broken("a request without a target");
  *space = *line_end = '\0';
  request->method = text;
  request->target = space + 1;
  request->headers = line_end + 1;
  for (char *line = line_end + 1, *to = line; *line != '\0';) {
    char *end = strchr(line, '\n'), *colon = strstr(line, ": ");
    if (end == NULL || colon == NULL || colon > end || colon == line) return pl__broken("a header line without a name");
    size_t name = (size_t)(colon - line), value = (size_t)(end - colon - 2);
    char *next = end + 1;
    memmove(to, line, name);
    to[name] = '\0';
    memmove(to + name + 1, colon + 2, value);
    to[name + 1 + value] = '\0';
    to += name + value + 2;
    *to = *next == '\0' ? '\0' : *to;
    line = next;
  }
  return 0;
}

static inline int pl__run(pl_link *link, pl_handler handler, pl__call *open, pl_response *response) {
  pl_request request = {NULL, NULL, open->body.data, open->body.bytes, NULL, open->call, link};
  open->is_open = 0;
  if (pl__append(&open->head, "\0", 2) != 0) {
    pl__fail(link, open->call, "out of memory");
    return 0;
  }
  if (pl__read_head(&open->head, &request) != 0) return -1;
  response->status = 200;
  response->head.bytes = response->body.bytes = 0;
  response->call = open->call;
  response->is_begun = 0;
  response->fault = NULL;
  response->link = link;
  int failed = handler(&request, response);
  if (failed == 0 && response->fault == NULL) {
    pl__flush(response, PL_END);
    return 0;
  }
  char text[128];
  snprintf(text, sizeof text, "the handler returned %d", failed);
  const char *fault = response->fault != NULL ? response->fault : text;
  fprintf(stderr, "pilotlight: %s %s failed: %s\n", request.method, request.target, fault);
  pl__fail(link, open->call, fault);
  return 0;
}

static inline int pl__gather(pl_link *link, pl_handler handler, pl__call *open, pl_response *response, const pl_message *message) {
  unsigned flags = message->flags;
  if (open->body.bytes + message->body_bytes > PL_BODY_MAX) {
    static const char text[] = "The body is longer than this function takes\n";
    open->is_open = 0;
    pl__take(link, message);
    pl__send(link, PL_RESPONSE, PL_END, 413, open->call, NULL, text, sizeof text - 1);
    return 0;
  }
  int failed = pl__append(&open->body, message->body, message->body_bytes);
  pl__take(link, message);
  if (failed != 0) {
    open->is_open = 0;
    pl__fail(link, open->call, "out of memory");
  } else if ((flags & PL_END) != 0) {
    return pl__run(link, handler, open, response);
  }
  return 0;
}

/* 1 goes on, 0 is done, -1 is broken. */
static inline int pl__handle(pl_link *link, pl_handler handler, pl__call *open, pl_response *response, int *is_stopping) {
  pl_message message;
  int found = pl__next(link, &message);
  if (found <= 0) return found;
  if (message.kind == PL_REQUEST) {
    if (open->is_open) return pl__broken("a second call to a process that takes one at a time");
    open->is_open = 1;
    open->call = message.call;
    open->head.bytes = open->body.bytes = 0;
    if (pl__append(&open->head, message.head, message.head_bytes) != 0) {
      open->is_open = 0;
      pl__take(link, &message);
      pl__fail(link, open->call, "out of memory");
      return 1;
    }
    return pl__gather(link, handler, open, response, &message) < 0 ? -1 : 1;
  }
  if (message.kind == PL_REQUEST_BODY && open->is_open && open->call == message.call)
    return pl__gather(link, handler, open, response, &message) < 0 ? -1 : 1;
  if (message.kind == PL_PING) {
    unsigned char echoed[1024];
    size_t bytes = message.body_bytes < sizeof echoed ? message.body_bytes : sizeof echoed;
    if (bytes > 0) memcpy(echoed, message.body, bytes);
    pl__take(link, &message);
    pl__send(link, PL_PONG, 0, 0, 0, NULL, echoed, bytes);
    return 1;
  }
  pl__take(link, &message);
  if (message.kind == PL_STOP) {
    *is_stopping = 1;
  } else if (message.kind == PL_CANCEL) {
    if (open->is_open && open->call == message.call) {
      open->is_open = 0;
      pl__fail(link, message.call, "cancelled before its body had come");
    }
  } else if (message.kind != PL_REQUEST_BODY) {
    /* REQUEST_BODY may have crossed the answer on the way. */
    return pl__broken("a message of an unknown kind");
  }
  return 1;
}

/* Answers calls until the server says stop; returns what main should. */
static inline int pl_serve(pl_handler handler) {
  static pl_link link;
  static pl__call open;
  static pl_response response;
  struct sockaddr_un address;
  char ready[32];
  const char *path = getenv("PILOTLIGHT_SOCKET"), *ring = getenv("PILOTLIGHT_RING");
  if (path == NULL) path = getenv("AETHER_SOCKET");
  if (path == NULL || strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "pilotlight: PILOTLIGHT_SOCKET is not set: this program is a function; start it with `pilotlight serve FILE`\n");
    return 1;
  }
  /* Standard output is the function's log, and a log that comes in blocks comes too late. */
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, path);
  link.fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (link.fd < 0 || connect(link.fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    fprintf(stderr, "pilotlight: cannot connect to the server at %s: %s\n", path, strerror(errno));
    return 1;
  }
  fcntl(link.fd, F_SETFD, FD_CLOEXEC);
  pl__make_crc_table(&link);
  link.message_max = PL_FRAME_MAX;
  if (ring != NULL && *ring != '\0' && pl__map(&link, ring) != 0)
    fprintf(stderr, "pilotlight: calls come in frames, not through the ring: %s is no ring that can be mapped\n", ring);
  snprintf(ready, sizeof ready, "READY %s 1\n", link.memory != NULL ? "ring/1" : "frames/1");
  pl__send_all(&link, ready, strlen(ready));
  int state = 1, is_stopping = 0;
  while (state > 0 && !link.is_over && !(is_stopping && !open.is_open)) state = pl__handle(&link, handler, &open, &response, &is_stopping);
  return state < 0 ? 1 : 0;
}

#endif
