/*
 * A CGI program (RFC 3875): answers with what the server told it, a variable a
 * line, then the body as it came. `/status/N` answers with the status N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

int main(void) {
  const char *method = getenv("REQUEST_METHOD");
  const char *path = getenv("PATH_INFO");
  const char *status = path != NULL && strncmp(path, "/status/", 8) == 0 ? path + 8 : "200";
  printf("Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Method: %s\r\n\r\n", status, method == NULL ? "none" : method);
  for (char **variable = environ; *variable != NULL; variable++) printf("%s\n", *variable);
  printf("\n");
  char bytes[4096];
  for (size_t got; (got = fread(bytes, 1, sizeof bytes, stdin)) > 0;) fwrite(bytes, 1, got, stdout);
  return 0;
}
