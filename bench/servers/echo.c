// A plain C echo: one thread, level-triggered epoll, one read buffer for all connections.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FILES = 1 << 16, BUFFER_BYTES = 64 * 1024, MAX_EVENTS = 256 };

// Output that the kernel did not accept immediately, by descriptor. The connection is not read until it is sent.
static struct { char *bytes; size_t length, sent; } pending[MAX_FILES];
static char buffer[BUFFER_BYTES];

static void watch(int epoll, int operation, int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, operation, fd, &event) < 0) { perror("epoll_ctl"); exit(1); }
}

static void drop(int fd) {
  free(pending[fd].bytes);
  pending[fd].bytes = NULL;
  close(fd);
}

static void on_readable(int epoll, int fd) {
  ssize_t length = recv(fd, buffer, sizeof buffer, 0);
  if (length <= 0) { drop(fd); return; }
  ssize_t sent = send(fd, buffer, length, MSG_NOSIGNAL);
  if (sent == length) return;
  if (sent < 0) sent = 0; // a full send buffer or a broken connection: the next send will show
  pending[fd].length = length - sent;
  pending[fd].sent = 0;
  pending[fd].bytes = memcpy(malloc(pending[fd].length), buffer + sent, pending[fd].length);
  watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void on_writable(int epoll, int fd) {
  ssize_t sent = send(fd, pending[fd].bytes + pending[fd].sent, pending[fd].length - pending[fd].sent, MSG_NOSIGNAL);
  if (sent < 0) { drop(fd); return; }
  pending[fd].sent += sent;
  if (pending[fd].sent < pending[fd].length) return;
  free(pending[fd].bytes);
  pending[fd].bytes = NULL;
  watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
}

int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < MAX_FILES ? files.rlim_max : MAX_FILES; // as Node and Go do
  setrlimit(RLIMIT_NOFILE, &files);

  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, SOMAXCONN) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) { perror("listen"); return 1; }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  int epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
  struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int count = epoll_wait(epoll, events, MAX_EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd != listener) {
        if (pending[fd].bytes) on_writable(epoll, fd); else on_readable(epoll, fd);
        continue;
      }
      for (int accepted; (accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;)
        watch(epoll, EPOLL_CTL_ADD, accepted, EPOLLIN);
    }
  }
}
