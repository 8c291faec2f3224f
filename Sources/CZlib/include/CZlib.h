#ifndef REROOT_CZLIB_H
#define REROOT_CZLIB_H

#include <stddef.h>
#include <stdint.h>

/// The most bytes that `reroot_gzip` makes of so many.
size_t reroot_gzip_bound(size_t count);

/// Compresses bytes into the format of gzip (RFC 1952), as small as zlib can.
/// Returns the number of bytes written; 0 where there is not room enough, or no memory.
size_t reroot_gzip(const uint8_t *bytes, size_t count, uint8_t *compressed, size_t room);

#endif
