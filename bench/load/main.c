// A load generator for line servers: one thread, epoll, every byte of every reply compared. Prints JSON, one object a line.
//
//   load exchange port=N [pid=N connections=64 depth=1 size=32 prefix=TEXT warmup=0.5 seconds=1 count=0]
//   load churn    port=N [pid=N connections=32 size=32 prefix=TEXT warmup=0.5 seconds=1 count=0]
//   load idle     port=N [connections=10000 size=32 prefix=TEXT]
//
// exchange: each connection sends `depth` lines in one write, waits for all the replies, and goes on.
// churn: connect, one exchange, half-close, wait for the server's FIN, close; `connections` at a time.
// idle: opens the connections, says so, holds them until stdin closes, then proves with one exchange each that all are alive.
// After warmup it measures for `seconds`, or until `count` lines (churn: connections) are done, whichever comes first; 0 = no count.
// With pid it reports the CPU time that the server used within the measured time.
// Exit code 1 for a wrong byte, a lost connection or a stall; killed by SIGALRM when it takes far longer than it should.
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OVERTIME_SECONDS = 60 };

static void parse(struct options *options, const char *argument) {
  const char *value = strchr(argument, '=');
  if (!value) fail("not name=value: %s", argument);
  size_t length = value++ - argument;
  struct { const char *name; long *integer; double *real; const char **text; } known[] = {
    {"port", &options->port, NULL, NULL}, {"pid", &options->pid, NULL, NULL}, {"count", &options->count, NULL, NULL},
    {"connections", &options->connections, NULL, NULL}, {"depth", &options->depth, NULL, NULL},
    {"size", &options->size, NULL, NULL}, {"warmup", NULL, &options->warmup_seconds, NULL},
    {"seconds", NULL, &options->seconds, NULL}, {"prefix", NULL, NULL, &options->prefix},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strlen(known[i].name) != length || strncmp(known[i].name, argument, length)) continue;
    char *end = "";
    if (known[i].text) *known[i].text = value;
    else if (known[i].integer) *known[i].integer = strtol(value, &end, 10);
    else *known[i].real = strtod(value, &end);
    if (*end || (!known[i].text && end == value)) fail("not a number: %s", argument);
    return;
  }
  fail("unknown option: %s", argument);
}

int main(int count, char **arguments) {
  if (count < 3) fail("usage: load exchange|churn|idle port=N [name=value...]");
  struct options options = {.mode = arguments[1], .prefix = "", .depth = 1, .size = 32, .warmup_seconds = 0.5, .seconds = 1};
  int churn = !strcmp(options.mode, "churn"), idle = !strcmp(options.mode, "idle");
  if (!churn && !idle && strcmp(options.mode, "exchange")) fail("unknown mode: %s", options.mode);
  options.connections = churn ? 32 : idle ? 10000 : 64;
  for (int i = 2; i < count; i++) parse(&options, arguments[i]);
  if (options.port < 1 || options.port > 65535) fail("port must be 1 to 65535");
  if (options.connections < 1 || options.depth < 1 || options.size < 1) fail("connections, depth and size must be 1 or more");
  if (options.size * options.depth > 1 << 24) fail("a batch is 16 MiB at most");

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  alarm(OVERTIME_SECONDS + (unsigned)(options.warmup_seconds + options.seconds));

  (idle ? run_idle : run_exchanges)(&options);
  return 0;
}
