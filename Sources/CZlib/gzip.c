#include "CZlib.h"

#include <string.h>
#include <zlib.h>

// What a header and a trailer of gzip take more than zlib's own.
enum { GZIP_FRAME = 12 };
// The largest window, and gzip's frame around it (deflateInit2 in zlib.h).
enum { GZIP_WINDOW = 15 + 16, MEMORY = 9 };

size_t reroot_gzip_bound(size_t count) { return compressBound(count) + GZIP_FRAME; }

size_t reroot_gzip(const uint8_t *bytes, size_t count, uint8_t *compressed, size_t room) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (Bytef *)bytes;
  stream.avail_in = (uInt)count;
  stream.next_out = compressed;
  stream.avail_out = (uInt)room;
  int outcome = deflate(&stream, Z_FINISH);
  size_t made = stream.total_out;
  deflateEnd(&stream);
  return outcome == Z_STREAM_END ? made : 0;
}
