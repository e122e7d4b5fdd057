#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Less than the smallest common listen backlog (Node: 511); above it, SYNs are dropped and retried after a second.
enum { BATCH = 256 };

static const struct protocol *protocol;

static void exchange(int fd, long number, struct batch *batch, const struct options *options, char *buffer) {
  protocol->stamp(batch, options);
  if (send(fd, batch->request, batch->request_bytes, MSG_NOSIGNAL) != (ssize_t)batch->request_bytes)
    fail("idle connection %ld could not send", number);
  ssize_t length = recv(fd, buffer, batch->reply_bytes, MSG_WAITALL);
  if (length != (ssize_t)batch->reply_bytes) fail("idle connection %ld: received %zd of %zu bytes", number, length, batch->reply_bytes);
  protocol->check(batch, 0, buffer, length);
}

// Servers accept in order: a reply on the last connection of a batch shows that the whole batch has been accepted. The other
// connections stay silent until the end.
void run_idle(const struct options *options, const struct protocol *given) {
  protocol = given;
  struct batch batch = protocol->build(options);
  int *connections = malloc(options->connections * sizeof *connections);
  char *buffer = malloc(batch.reply_bytes);
  if (!connections || !buffer) fail("out of memory");
  for (long i = 0; i < options->connections; i++) {
    connections[i] = open_connection(options->port);
    protocol->read_greeting(connections[i]);
    if (i % BATCH == BATCH - 1 || i == options->connections - 1) exchange(connections[i], i, &batch, options, buffer);
  }
  printf("{\"mode\":\"idle\",\"open\":%ld}\n", options->connections);
  fflush(stdout);

  for (char byte; read(STDIN_FILENO, &byte, 1) > 0;) continue;

  for (long i = 0; i < options->connections; i++) {
    exchange(connections[i], i, &batch, options, buffer);
    shutdown(connections[i], SHUT_WR);
    if (recv(connections[i], buffer, 1, 0) != 0) fail("idle connection %ld did not end with FIN", i);
    close(connections[i]);
  }
  printf("{\"mode\":\"idle\",\"verified\":%ld}\n", options->connections);
}
