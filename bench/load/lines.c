// Text lines: the server echoes each line, with or without a prefix.
#include "load.h"
#include <stdlib.h>
#include <string.h>

enum { STAMP_BYTES = 8 };

void allocate_batch(struct batch *batch) {
  batch->request_bytes = batch->depth * batch->request_stride;
  batch->reply_bytes = batch->depth * batch->reply_stride;
  batch->request = malloc(batch->request_bytes);
  batch->reply = calloc(1, batch->reply_bytes);
  if (!batch->request || !batch->reply) fail("out of memory");
}

static void read_greeting(int fd) {
  (void)fd; // the client speaks first
}

// Pseudo-random letters: a shifted or repeated reply does not compare equal.
static struct batch build(const struct options *options) {
  size_t prefix_bytes = strlen(options->prefix), size = options->size;
  struct batch batch = {.depth = options->depth, .request_stride = size, .reply_stride = prefix_bytes + size};
  allocate_batch(&batch);
  for (long line = 0; line < batch.depth; line++) {
    char *request = batch.request + line * batch.request_stride, *reply = batch.reply + line * batch.reply_stride;
    for (size_t i = 0; i < size - 1; i++) request[i] = 'a' + random() % 26;
    request[size - 1] = '\n';
    memcpy(reply, options->prefix, prefix_bytes);
    memcpy(reply + prefix_bytes, request, size);
  }
  return batch;
}

static void stamp(struct batch *batch, const struct options *options) {
  static unsigned long stamps;
  char stamp[STAMP_BYTES];
  unsigned long rest = stamps++;
  for (size_t i = 0; i < STAMP_BYTES; i++, rest /= 26) stamp[i] = 'A' + rest % 26;
  size_t size = options->size, length = size - 1 < STAMP_BYTES ? size - 1 : STAMP_BYTES;
  for (long line = 0; line < batch->depth; line++) {
    memcpy(batch->request + line * batch->request_stride, stamp, length);
    memcpy(batch->reply + (line + 1) * batch->reply_stride - size, stamp, length);
  }
}

static void check(struct batch *batch, size_t offset, const char *bytes, size_t length) {
  if (memcmp(bytes, batch->reply + offset, length)) fail("wrong bytes in a reply");
}

const struct protocol lines = {read_greeting, build, stamp, check};
