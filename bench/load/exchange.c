#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, STALL_SECONDS = 10 };

struct connection {
  int fd;
  struct batch batch;    // in flight
  size_t sent, received; // bytes of it
  bool blocked;          // the rest of the batch waits for EPOLLOUT
  bool closing;          // FIN sent; only the server's FIN is still expected
};

static const struct options *options;
static const struct protocol *protocol;
static int epoll;
static bool churn, stopping;
static long done, open_connections; // done: requests, or in churn connections
static double last_event;
static char buffer[1 << 18];

static void watch(struct connection *connection, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll, operation, connection->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void send_rest(struct connection *connection) {
  const struct batch *batch = &connection->batch;
  size_t left = batch->request_bytes - connection->sent;
  ssize_t sent = send(connection->fd, batch->request + connection->sent, left, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fail("send: %s", strerror(errno));
  if (sent > 0) connection->sent += sent;
  bool blocked = connection->sent < batch->request_bytes;
  if (blocked != connection->blocked) watch(connection, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  connection->blocked = blocked;
}

static void send_batch(struct connection *connection) {
  connection->sent = connection->received = 0;
  protocol->stamp(&connection->batch, options);
  send_rest(connection);
}

static void start(struct connection *connection) {
  connection->fd = open_connection(options->port);
  protocol->read_greeting(connection->fd);
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
  size_t expected = connection->batch.reply_bytes;
  ssize_t length = recv(connection->fd, buffer, sizeof buffer, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) fail("recv: %s", strerror(errno));
  if (length == 0) {
    if (!connection->closing) fail("the server closed a connection during an exchange");
    close(connection->fd);
    open_connections--;
    if (churn) done++;
    if (churn && !stopping) start(connection);
    return;
  }
  if (connection->received + length > expected) fail("more bytes than expected");
  protocol->check(&connection->batch, connection->received, buffer, length);
  connection->received += length;
  if (connection->received == expected) on_batch_complete(connection);
}

// One round of the event loop. Returns the time.
static double turn(void) {
  struct epoll_event events[MAX_EVENTS];
  int count = epoll_wait(epoll, events, MAX_EVENTS, options->sleep ? STALL_SECONDS * 1000 : 0);
  double now = seconds_of(CLOCK_MONOTONIC);
  if (count > 0) last_event = now;
  else if (now - last_event >= STALL_SECONDS) fail("nothing received for %d s", STALL_SECONDS);
  for (int i = 0; i < count; i++) {
    struct connection *connection = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) send_rest(connection);
    if (events[i].events & ~EPOLLOUT) on_readable(connection);
  }
  return now;
}

void run_exchanges(const struct options *given_options, const struct protocol *given_protocol) {
  options = given_options;
  protocol = given_protocol;
  churn = !strcmp(options->mode, "churn");
  epoll = epoll_create1(0);
  struct connection *connections = calloc(options->connections, sizeof *connections);
  if (!connections) fail("out of memory");
  for (long i = 0; i < options->connections; i++) {
    connections[i].batch = protocol->build(options);
    start(&connections[i]);
  }
  double begin = last_event = seconds_of(CLOCK_MONOTONIC);
  while (turn() < begin + options->warmup_seconds) continue;

  long done_before = done, sleeps_before = own_sleeps();
  double server_before = cpu_seconds_of(options->pid), own_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID), now;
  begin = seconds_of(CLOCK_MONOTONIC);
  do now = turn();
  while (done == done_before || (now < begin + options->seconds && !(options->count && done - done_before >= options->count)));
  now = seconds_of(CLOCK_MONOTONIC);
  long measured = done - done_before, sleeps = own_sleeps() - sleeps_before;
  double server_cpu = cpu_seconds_of(options->pid) - server_before, own_cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own_before;

  stopping = true; // exchanges in flight still finish, and connections close in order
  while (open_connections) turn();
  printf("{\"mode\":\"%s\",\"protocol\":\"%s\",\"wait\":\"%s\",\"done\":%ld,\"seconds\":%.6f,\"serverCpuSeconds\":%.6f,"
         "\"generatorCpuSeconds\":%.6f,\"generatorSleeps\":%ld}\n",
         options->mode, options->probe ? "probe" : "lines", options->sleep ? "sleep" : "spin", measured, now - begin, server_cpu, own_cpu,
         sleeps);
}
