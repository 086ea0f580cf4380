/*
 * A WebAssembly function as a CGI program: the request's head is in the
 * environment, its body on standard input; header lines, an empty line and the
 * body go to standard output. Every request finds `count` at 0.
 *
 *   clang --target=wasm32-wasi -O2 -s -o examples/wasm/greet.wasm examples/wasm/greet.c
 */
#include <stdio.h>
#include <stdlib.h>

static int count;

int main(void) {
  char name[64] = "";
  size_t length = fread(name, 1, sizeof name - 1, stdin);
  printf("Content-Type: text/plain; charset=utf-8\r\n\r\n");
  printf("%s %s\n", getenv("REQUEST_METHOD"), getenv("REQUEST_URI"));
  printf("Hello, %.*s! You are number %d.\n", length == 0 ? 5 : (int)length, length == 0 ? "world" : name, ++count);
  return 0;
}
