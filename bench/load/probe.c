// Frames of probe, version 1, as docs/protocol.md describes them: HELLO from the server, then PINGs and their PONGs.
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LENGTH_BYTES = 4, ID_OFFSET = 5, HEADER_BYTES = 9, CRC_BYTES = 4, MAX_HELLO_BYTES = 16384 };
enum { HELLO = 1, PING = 2, PONG = 3, REJECT = 5 };

// The crc32 of zlib; `crc` is that of the preceding bytes, 0 at the start.
static uint32_t crc32(uint32_t crc, const void *data, size_t length) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; i++) {
      table[i] = i;
      for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
  const unsigned char *bytes = data;
  crc = ~crc;
  while (length--) crc = table[(crc ^ *bytes++) & 255] ^ crc >> 8;
  return ~crc;
}

static uint32_t read_u32(const void *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return ntohl(value);
}

static uint64_t read_u64(const unsigned char *at) { return (uint64_t)read_u32(at) << 32 | read_u32(at + 4); }

static void write_u32(char *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, sizeof value);
}

static void receive(int fd, void *bytes, size_t length) {
  ssize_t received = recv(fd, bytes, length, MSG_WAITALL);
  if (received < 0) fail("no HELLO: %s", strerror(errno));
  if ((size_t)received < length) fail("the connection ended in HELLO");
}

static void read_greeting(int fd) {
  char header[HEADER_BYTES], payload[MAX_HELLO_BYTES + CRC_BYTES + 1];
  receive(fd, header, sizeof header);
  uint32_t length = read_u32(header) - (HEADER_BYTES - LENGTH_BYTES);
  if (length < CRC_BYTES || length > MAX_HELLO_BYTES + CRC_BYTES) fail_unsupported("the first frame is not HELLO");
  receive(fd, payload, length);
  size_t payload_bytes = length - CRC_BYTES;
  if (crc32(0, payload, payload_bytes) != read_u32(payload + payload_bytes)) fail_unsupported("HELLO does not end with its crc32");
  payload[payload_bytes] = 0;
  if (header[LENGTH_BYTES] == REJECT) fail("the server rejected a connection: %s", payload);
  if (header[LENGTH_BYTES] != HELLO || !strstr(payload, "\"version\":1,")) fail_unsupported("not HELLO of version 1: %s", payload);
}

static void write_header(char *frame, size_t stride, int type) {
  write_u32(frame, stride - LENGTH_BYTES);
  frame[LENGTH_BYTES] = type;
}

// One payload for all frames of a batch: only their ids differ, so that its crc32 is computed once.
static struct batch build(const struct options *options) {
  size_t size = options->size;
  struct batch batch = {.depth = options->depth,
                        .request_stride = HEADER_BYTES + size + CRC_BYTES,
                        .reply_stride = HEADER_BYTES + size + TRAILER_BYTES};
  allocate_batch(&batch);
  char *payload = batch.request + HEADER_BYTES;
  for (size_t i = 0; i < size; i++) payload[i] = random();
  batch.payload_crc = crc32(0, payload, size);
  for (long frame = 0; frame < batch.depth; frame++) {
    char *ping = batch.request + frame * batch.request_stride, *pong = batch.reply + frame * batch.reply_stride;
    write_header(ping, batch.request_stride, PING);
    write_header(pong, batch.reply_stride, PONG);
    memmove(ping + HEADER_BYTES, payload, size);
    memcpy(pong + HEADER_BYTES, payload, size);
    write_u32(ping + HEADER_BYTES + size, batch.payload_crc);
  }
  return batch;
}

static void stamp(struct batch *batch, const struct options *options) {
  static uint32_t next_id;
  (void)options;
  for (long frame = 0; frame < batch->depth; frame++) {
    uint32_t id = next_id++;
    write_u32(batch->request + frame * batch->request_stride + ID_OFFSET, id);
    write_u32(batch->reply + frame * batch->reply_stride + ID_OFFSET, id);
  }
}

// The payload has been compared, so its crc32 is known; only the times remain to be added.
static void check_trailer(const struct batch *batch) {
  const unsigned char *trailer = batch->trailer;
  size_t times_bytes = TRAILER_BYTES - CRC_BYTES;
  if (crc32(batch->payload_crc, trailer, times_bytes) != read_u32(trailer + times_bytes)) fail("wrong crc32 in a PONG");
  if (!read_u64(trailer) || read_u64(trailer) > read_u64(trailer + 8)) fail("a PONG was sent before its PING was received");
}

static void check(struct batch *batch, size_t offset, const char *bytes, size_t length) {
  size_t stride = batch->reply_stride, known_bytes = stride - TRAILER_BYTES;
  while (length) {
    size_t at = offset % stride, left = (at < known_bytes ? known_bytes : stride) - at, part = left < length ? left : length;
    if (at >= known_bytes) memcpy(batch->trailer + at - known_bytes, bytes, part);
    else if (memcmp(bytes, batch->reply + offset, part)) fail("wrong length, type, id or payload in a PONG");
    if (at + part == stride) check_trailer(batch);
    offset += part, bytes += part, length -= part;
  }
}

const struct protocol probe = {read_greeting, build, stamp, check};
