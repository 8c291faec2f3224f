#include "CZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// The largest window, and gzip's frame around it (deflateInit2 in zlib.h).
enum { GZIP_WINDOW = 15 + 16, MEMORY = 9, FIRST_ROOM = 4096 };

struct reroot_packer {
  z_stream stream;
  uint8_t *made;
  size_t room;
};

reroot_packer *reroot_pack_begin(void) {
  reroot_packer *packer = calloc(1, sizeof *packer);
  if (!packer) return NULL;
  if (deflateInit2(&packer->stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
    free(packer);
    return NULL;
  }
  return packer;
}

static int make_room(reroot_packer *packer) {
  size_t room = packer->room ? 2 * packer->room : FIRST_ROOM;
  uint8_t *larger = realloc(packer->made, room);
  if (!larger) return -1;
  packer->stream.next_out = larger + packer->stream.total_out;
  packer->stream.avail_out = (uInt)(room - packer->stream.total_out < UINT_MAX ? room - packer->stream.total_out : UINT_MAX);
  packer->made = larger;
  packer->room = room;
  return 0;
}

static int run(reroot_packer *packer, int flush) {
  for (;;) {
    if (packer->stream.avail_out == 0 && make_room(packer) != 0) return -1;
    int outcome = deflate(&packer->stream, flush);
    if (outcome == Z_STREAM_END) return 0;
    if (outcome != Z_OK && outcome != Z_BUF_ERROR) return -1;
    if (flush == Z_NO_FLUSH && packer->stream.avail_in == 0 && packer->stream.avail_out > 0) return 0;
  }
}

int reroot_pack_add(reroot_packer *packer, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    uInt piece = count < UINT_MAX ? (uInt)count : UINT_MAX;
    packer->stream.next_in = (Bytef *)bytes;
    packer->stream.avail_in = piece;
    if (run(packer, Z_NO_FLUSH) != 0) return -1;
    bytes += piece;
    count -= piece;
  }
  return 0;
}

const uint8_t *reroot_pack_end(reroot_packer *packer, size_t *count) {
  if (run(packer, Z_FINISH) != 0) return NULL;
  *count = packer->stream.total_out;
  return packer->made;
}

void reroot_pack_free(reroot_packer *packer) {
  deflateEnd(&packer->stream);
  free(packer->made);
  free(packer);
}

int reroot_unpack(const uint8_t *bytes, size_t count, uint8_t *expanded, size_t room) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (count > UINT_MAX || room > UINT_MAX || inflateInit2(&stream, GZIP_WINDOW) != Z_OK) return -1;
  stream.next_in = (Bytef *)bytes;
  stream.avail_in = (uInt)count;
  stream.next_out = expanded;
  stream.avail_out = (uInt)room;
  int outcome = inflate(&stream, Z_FINISH);
  int whole = outcome == Z_STREAM_END && stream.total_out == room && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? 0 : -1;
}
