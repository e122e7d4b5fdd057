#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, STALL_MS = 10000 };

struct connection {
  int fd;
  struct payload batch;  // under way
  size_t sent, received; // of it
  bool blocked;          // the rest of the batch waits for EPOLLOUT
  bool closing;          // FIN sent; the only thing to come is the server's FIN
};

static const struct options *options;
static int epoll;
static bool churn, stopping;
static long done, open_connections; // done: lines, or in churn connections
static char buffer[1 << 18];

static double seconds_of(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) < 0) fail("clock_gettime: %s", strerror(errno));
  return time.tv_sec + time.tv_nsec / 1e9;
}

// utime + stime of /proc/PID/stat, all threads included, but to the nanosecond instead of to the 10 ms tick.
static double server_cpu_seconds(void) {
  clockid_t clock;
  if (!options->pid) return 0;
  if (clock_getcpuclockid(options->pid, &clock)) fail("no CPU clock of process %ld", options->pid);
  return seconds_of(clock);
}

static void watch(struct connection *connection, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll, operation, connection->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void send_rest(struct connection *connection) {
  const struct payload *payload = &connection->batch;
  size_t left = payload->request_bytes - connection->sent;
  ssize_t sent = send(connection->fd, payload->request + connection->sent, left, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fail("send: %s", strerror(errno));
  if (sent > 0) connection->sent += sent;
  bool blocked = connection->sent < payload->request_bytes;
  if (blocked != connection->blocked) watch(connection, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  connection->blocked = blocked;
}

static void send_batch(struct connection *connection) {
  connection->sent = connection->received = 0;
  stamp_payload(&connection->batch, options);
  send_rest(connection);
}

static void start(struct connection *connection) {
  connection->fd = open_connection(options->port);
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
  connection->closing = connection->blocked = false;
  open_connections++;
  watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  send_batch(connection);
}

static void on_batch_complete(struct connection *connection) {
  if (!churn) done += options->depth;
  if (!churn && !stopping) { send_batch(connection); return; }
  connection->closing = true;
  if (shutdown(connection->fd, SHUT_WR) < 0) fail("shutdown: %s", strerror(errno));
}

static void on_readable(struct connection *connection) {
  const struct payload *payload = &connection->batch;
  ssize_t length = recv(connection->fd, buffer, sizeof buffer, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) fail("recv: %s", strerror(errno));
  if (length == 0) {
    if (!connection->closing) fail("the server closed a connection in the middle of an exchange");
    close(connection->fd);
    open_connections--;
    if (churn) done++;
    if (churn && !stopping) start(connection);
    return;
  }
  if (connection->received + length > payload->reply_bytes) fail("more bytes than were asked for");
  if (memcmp(buffer, payload->reply + connection->received, length)) fail("wrong bytes in a reply");
  connection->received += length;
  if (connection->received == payload->reply_bytes) on_batch_complete(connection);
}

static void turn(void) {
  struct epoll_event events[MAX_EVENTS];
  int count = epoll_wait(epoll, events, MAX_EVENTS, STALL_MS);
  if (count == 0) fail("nothing came for %d s", STALL_MS / 1000);
  for (int i = 0; i < count; i++) {
    struct connection *connection = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) send_rest(connection);
    if (events[i].events & ~EPOLLOUT) on_readable(connection);
  }
}

void run_exchanges(const struct options *given) {
  options = given;
  churn = !strcmp(options->mode, "churn");
  epoll = epoll_create1(0);
  struct connection *connections = calloc(options->connections, sizeof *connections);
  if (!connections) fail("out of memory");
  for (long i = 0; i < options->connections; i++) {
    connections[i].batch = build_payload(options);
    start(&connections[i]);
  }
  double begin = seconds_of(CLOCK_MONOTONIC);
  while (seconds_of(CLOCK_MONOTONIC) < begin + options->warmup_seconds) turn();

  long done_before = done;
  double server_before = server_cpu_seconds(), own_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID), now;
  begin = seconds_of(CLOCK_MONOTONIC);
  do turn();
  while ((now = seconds_of(CLOCK_MONOTONIC)) < begin + options->seconds && !(options->count && done - done_before >= options->count));
  long measured = done - done_before;
  double server_cpu = server_cpu_seconds() - server_before, own_cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own_before;

  stopping = true; // what is under way is still answered, compared and closed in order
  while (open_connections) turn();
  printf("{\"mode\":\"%s\",\"done\":%ld,\"seconds\":%.6f,\"serverCpuSeconds\":%.6f,\"generatorCpuSeconds\":%.6f}\n", options->mode,
         measured, now - begin, server_cpu, own_cpu);
}
