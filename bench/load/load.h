// What the parts of the load generator share. Linux only: epoll, process CPU clocks.
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct options {
  const char *mode, *prefix; // prefix: what the server is expected to put in front of every line
  long port, pid;            // pid of the server, whose CPU time is read; 0 = don't
  long connections, depth, size, count;
  double warmup_seconds, seconds;
};

// One batch as it is sent and as it must come back.
struct payload {
  char *request, *reply;
  size_t request_bytes, reply_bytes;
};

struct payload build_payload(const struct options *options);
// Makes the batch unlike every other that was ever stamped, so that a stale reply or another connection's is noticed.
void stamp_payload(struct payload *payload, const struct options *options);
// Connects to 127.0.0.1:port from one of 16 loopback addresses in turn; ends the process when it can't.
int open_connection(long port);
// Prints the message to stderr and ends the process with code 1.
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

// mode "exchange" (connections live on) and mode "churn" (a connection lives for one exchange)
void run_exchanges(const struct options *options);
// mode "idle"
void run_idle(const struct options *options);
