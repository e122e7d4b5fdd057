#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOURCE_ADDRESSES = 16, RECEIVE_TIMEOUT_SECONDS = 10, STAMP_BYTES = 8 };

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

// Pseudo-random letters: a reply that is shifted or repeated does not compare equal.
struct payload build_payload(const struct options *options) {
  size_t prefix_bytes = strlen(options->prefix), size = options->size;
  struct payload payload = {.request_bytes = options->depth * size, .reply_bytes = options->depth * (prefix_bytes + size)};
  payload.request = malloc(payload.request_bytes);
  payload.reply = malloc(payload.reply_bytes);
  if (!payload.request || !payload.reply) fail("out of memory");
  for (long line = 0; line < options->depth; line++) {
    char *request = payload.request + line * size, *reply = payload.reply + line * (prefix_bytes + size);
    for (size_t i = 0; i < size - 1; i++) request[i] = 'a' + random() % 26;
    request[size - 1] = '\n';
    memcpy(reply, options->prefix, prefix_bytes);
    memcpy(reply + prefix_bytes, request, size);
  }
  return payload;
}

void stamp_payload(struct payload *payload, const struct options *options) {
  static unsigned long stamps;
  char stamp[STAMP_BYTES];
  unsigned long rest = stamps++;
  for (size_t i = 0; i < STAMP_BYTES; i++, rest /= 26) stamp[i] = 'A' + rest % 26;
  size_t size = options->size, prefix_bytes = strlen(options->prefix), length = size - 1 < STAMP_BYTES ? size - 1 : STAMP_BYTES;
  for (long line = 0; line < options->depth; line++) {
    memcpy(payload->request + line * size, stamp, length);
    memcpy(payload->reply + line * (prefix_bytes + size) + prefix_bytes, stamp, length);
  }
}

// A connection closed by the client leaves its pair of ports in TIME_WAIT for a minute, and one address has 28,000 of them.
// Several source addresses give several times as many. SO_LINGER 0 would avoid TIME_WAIT altogether, but it ends connections
// with RST, which is another path through the servers than the one to measure (and ends bare Node, which has no error listener).
int open_connection(long port) {
  static unsigned next;
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0) fail("socket: %s", strerror(errno));
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + next++ % SOURCE_ADDRESSES)};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
  struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_SECONDS};
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on); // let connect() choose the port: it sees the whole pair
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind: %s", strerror(errno));
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect: %s", strerror(errno));
  return fd;
}
