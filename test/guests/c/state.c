/*
 * State prober: answers with what it finds where it could have left something
 * in an earlier run, then leaves something everywhere: initialised and zeroed
 * data, heap (also grown), stack, libc's own state, environment, the working
 * folder's file. With fresh state every answer is the same; the file of a folder
 * that may be written is the one thing that stays. `--twice` does it all again in
 * the same run, which must find something: the prober's own proof. "wait" on
 * standard input lets it sleep before and after, in the middle of a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAP_BYTES (256 * 1024)
#define STACK_BYTES 4096
#define MARK 0x5a

static int initialised = 7;
static int zeroed;
static char table[8] = "pristine";
static _Thread_local int thread_local_value = 3;
/* A function pointer kept in memory: an index into the table. */
static int before(void) { return 0; }
static int after(void) { return 1; }
static int (*volatile chosen)(void) = before;

static size_t marked(const volatile unsigned char *bytes, size_t length) {
  size_t count = 0;
  for (size_t at = 0; at < length; at++) count += bytes[at] == MARK;
  return count;
}

/* Of an own frame, so that a later call finds it below its own. */
static __attribute__((noinline)) size_t stack_marks(int leave) {
  volatile unsigned char bytes[STACK_BYTES];
  size_t found = marked(bytes, STACK_BYTES);
  if (leave) memset((unsigned char *)bytes, MARK, STACK_BYTES);
  return found;
}

static size_t file_length(void) {
  struct stat found;
  return stat("state.txt", &found) == 0 ? (size_t)found.st_size : 0;
}

static void probe(void) {
  unsigned char *heap = malloc(HEAP_BYTES);
  size_t heap_found = marked(heap, HEAP_BYTES);
  size_t stack_found = stack_marks(0);
  printf("initialised %d\nzeroed %d\ntable %.8s\nthread-local %d\nfunction %d\n", initialised, zeroed, table, thread_local_value, chosen());
  printf("heap %zu\nstack %zu\nrandom %d\nvariable %s\n", heap_found, stack_found, rand(), getenv("LEFT") == NULL ? "none" : getenv("LEFT"));
  printf("memory %zu\nerrno %d\n", __builtin_wasm_memory_size(0), errno);
  printf("file %zu\n", file_length());

  memset(heap, MARK, HEAP_BYTES);
  stack_marks(1);
  initialised = -1;
  zeroed = -1;
  memcpy(table, "altered!", 8);
  thread_local_value = -1;
  chosen = after;
  setenv("LEFT", "behind", 1);
  srand(99);
  __builtin_wasm_memory_grow(0, 3);
  FILE *file = fopen("state.txt", "a");
  if (file != NULL) {
    fputc('x', file);
    /* Left open on purpose: what a run has opened must not be there in the next. */
    fflush(file);
  }
  errno = EDOM;
  free(heap);
}

static void doze(void) {
  struct timespec span = {0, 1000000};
  nanosleep(&span, NULL);
}

int main(int argc, char **argv) {
  char order[8] = "";
  read(STDIN_FILENO, order, sizeof order - 1);
  int waits = strcmp(order, "wait") == 0;
  if (waits) doze();
  probe();
  if (waits) doze();
  if (argc > 1 && strcmp(argv[1], "--twice") == 0) probe();
  return 0;
}
