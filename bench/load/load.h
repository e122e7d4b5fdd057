// Shared by the parts of the load generator. Linux only: epoll, CPU clocks of other processes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { EXIT_UNSUPPORTED = 3, TRAILER_BYTES = 24 };

struct options {
  const char *mode, *prefix; // prefix: text that the server writes before every line
  bool probe;                // speak the probe protocol instead of lines
  bool sleep;                // wait in the kernel instead of spinning
  long port, pid;            // pid: the server process whose CPU time is reported; 0 = none
  long connections, depth, size, count;
  double warmup_seconds, seconds;
};

// Requests sent in one write, and the expected replies.
struct batch {
  char *request, *reply;
  size_t request_bytes, reply_bytes;
  long depth;
  size_t request_stride, reply_stride;  // bytes of one request, of one reply
  uint32_t payload_crc;                 // probe
  unsigned char trailer[TRAILER_BYTES]; // probe: the part of a PONG's trailer received so far
};

struct protocol {
  // Reads what the server sends before the first request.
  void (*read_greeting)(int fd);
  struct batch (*build)(const struct options *options);
  // Makes the batch differ from all earlier ones, so that a stale reply or another connection's reply is detected.
  void (*stamp)(struct batch *batch, const struct options *options);
  // Compares bytes received at this offset of the replies with the expected ones; ends the process if they differ.
  void (*check)(struct batch *batch, size_t offset, const char *bytes, size_t length);
};
extern const struct protocol lines, probe;

// Allocates the requests and replies of a batch whose depth and strides are set.
void allocate_batch(struct batch *batch);
// Connects to 127.0.0.1:port from one of 16 loopback addresses in turn; ends the process on failure.
int open_connection(long port);
// Prints the message to stderr and ends the process with code 1, or EXIT_UNSUPPORTED: the server does not speak the protocol.
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void fail_unsupported(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

double seconds_of(clockid_t clock);
// User + system time of a process; 0 for pid 0.
double cpu_seconds_of(long pid);
// Number of times this process has slept: its voluntary context switches.
long own_sleeps(void);

// Modes "exchange" (connections stay open) and "churn" (one exchange per connection).
void run_exchanges(const struct options *options, const struct protocol *protocol);
// Mode "idle".
void run_idle(const struct options *options, const struct protocol *protocol);
