#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Less than the shortest usual listen backlog (Node: 511), which would drop SYNs and stall the rest for a second.
enum { BATCH = 256 };

static void exchange(int fd, long number, struct payload *payload, const struct options *options, char *buffer) {
  stamp_payload(payload, options);
  if (send(fd, payload->request, payload->request_bytes, MSG_NOSIGNAL) != (ssize_t)payload->request_bytes)
    fail("idle connection %ld could not send", number);
  ssize_t length = recv(fd, buffer, payload->reply_bytes, MSG_WAITALL);
  if (length != (ssize_t)payload->reply_bytes) fail("idle connection %ld: %zd bytes instead of %zu", number, length, payload->reply_bytes);
  if (memcmp(buffer, payload->reply, length)) fail("idle connection %ld: wrong bytes", number);
}

// Servers accept in order, so a reply on the last connection of a batch says that the whole batch has been accepted. The others
// stay silent until the end.
void run_idle(const struct options *options) {
  struct payload payload = build_payload(options);
  int *connections = malloc(options->connections * sizeof *connections);
  char *buffer = malloc(payload.reply_bytes);
  if (!connections || !buffer) fail("out of memory");
  for (long i = 0; i < options->connections; i++) {
    connections[i] = open_connection(options->port);
    if (i % BATCH == BATCH - 1 || i == options->connections - 1) exchange(connections[i], i, &payload, options, buffer);
  }
  printf("{\"mode\":\"idle\",\"open\":%ld}\n", options->connections);
  fflush(stdout);

  for (char byte; read(STDIN_FILENO, &byte, 1) > 0;) continue;

  for (long i = 0; i < options->connections; i++) {
    exchange(connections[i], i, &payload, options, buffer);
    shutdown(connections[i], SHUT_WR);
    if (recv(connections[i], buffer, 1, 0) != 0) fail("idle connection %ld did not end with FIN", i);
    close(connections[i]);
  }
  printf("{\"mode\":\"idle\",\"verified\":%ld}\n", options->connections);
}
