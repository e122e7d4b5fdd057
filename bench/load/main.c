// A load generator: one thread, epoll, every byte of every reply checked. Prints JSON, one object per line.
//
//   load exchange port=N [pid=N connections=64 depth=1 size=32 warmup=0.5 seconds=1 count=0]
//   load churn    port=N [pid=N connections=32 size=32 warmup=0.5 seconds=1 count=0]
//   load idle     port=N [connections=10000 size=32]
//   in every mode: [protocol=lines|probe prefix=TEXT wait=spin|sleep]
//
// exchange: each connection sends `depth` requests in one write, waits for all replies, and repeats.
// churn: connect, one exchange, half-close, wait for the server's FIN, close; `connections` at a time. Lines only.
// idle: opens the connections, reports that, holds them until stdin closes, then makes one exchange on each.
// After `warmup` seconds it measures for `seconds`, or until `count` requests (churn: connections) are done; 0 = no count.
// At least one is done.
// wait: `spin` polls without sleeping, so that the server never has to wake the generator; `sleep` waits in epoll_wait.
// With pid, the CPU time used by the server during the measurement is reported.
// Exit codes: 1 wrong bytes, a lost connection or no progress; 3 the server does not speak the protocol. SIGALRM ends a hung run.
#include "load.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OVERTIME_SECONDS = 60 };

static bool is_second(const char *argument, const char *value, const char *first, const char *second) {
  if (strcmp(value, first) && strcmp(value, second)) fail("invalid %s: must be %s or %s", argument, first, second);
  return !strcmp(value, second);
}

static void parse(struct options *options, const char *argument) {
  const char *value = strchr(argument, '='), *protocol = NULL, *wait = NULL;
  if (!value) fail("not name=value: %s", argument);
  size_t length = value++ - argument;
  struct { const char *name; long *integer; double *real; const char **text; } known[] = {
    {"port", &options->port, NULL, NULL}, {"pid", &options->pid, NULL, NULL}, {"count", &options->count, NULL, NULL},
    {"connections", &options->connections, NULL, NULL}, {"depth", &options->depth, NULL, NULL},
    {"size", &options->size, NULL, NULL}, {"warmup", NULL, &options->warmup_seconds, NULL},
    {"seconds", NULL, &options->seconds, NULL}, {"prefix", NULL, NULL, &options->prefix},
    {"protocol", NULL, NULL, &protocol}, {"wait", NULL, NULL, &wait},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strlen(known[i].name) != length || strncmp(known[i].name, argument, length)) continue;
    char *end = "";
    if (known[i].text) *known[i].text = value;
    else if (known[i].integer) *known[i].integer = strtol(value, &end, 10);
    else *known[i].real = strtod(value, &end);
    if (*end || (!known[i].text && end == value)) fail("not a number: %s", argument);
    if (protocol) options->probe = is_second(argument, value, "lines", "probe");
    if (wait) options->sleep = is_second(argument, value, "spin", "sleep");
    return;
  }
  fail("unknown option: %s", argument);
}

int main(int count, char **arguments) {
  if (count < 3) fail("usage: load exchange|churn|idle port=N [name=value...]");
  struct options options = {.mode = arguments[1], .prefix = "", .depth = 1, .size = 32, .warmup_seconds = 0.5, .seconds = 1};
  bool churn = !strcmp(options.mode, "churn"), idle = !strcmp(options.mode, "idle");
  if (!churn && !idle && strcmp(options.mode, "exchange")) fail("unknown mode: %s", options.mode);
  options.connections = churn ? 32 : idle ? 10000 : 64;
  for (int i = 2; i < count; i++) parse(&options, arguments[i]);
  if (options.port < 1 || options.port > 65535) fail("invalid port: must be from 1 to 65535");
  if (options.connections < 1 || options.depth < 1 || options.size < 1) fail("connections, depth and size must be at least 1");
  if (options.size > 1 << 24 || options.depth > 1 << 16 || options.size * options.depth > 1 << 24) fail("a batch has at most 16 MiB");
  if (churn && options.probe) fail("churn supports lines only: reading HELLO would block the other connections");

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  alarm(OVERTIME_SECONDS + (unsigned)(options.warmup_seconds + options.seconds));

  (idle ? run_idle : run_exchanges)(&options, options.probe ? &probe : &lines);
  return 0;
}
