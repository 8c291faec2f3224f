#ifndef REROOT_CZLIB_H
#define REROOT_CZLIB_H

#include <stddef.h>
#include <stdint.h>

/// The most bytes that `reroot_gzip` makes of so many.
size_t reroot_gzip_bound(size_t count);

/// Compresses bytes into the format of gzip (RFC 1952), as small as zlib can.
/// Returns the number of bytes written; 0 where there is not room enough, or no memory.
size_t reroot_gzip(const uint8_t *bytes, size_t count, uint8_t *compressed, size_t room);

/// Compresses bytes that come piece by piece into the format of gzip, fast rather than small.
typedef struct reroot_packer reroot_packer;

/// Begins; null where there is no memory.
reroot_packer *reroot_pack_begin(void);

/// Takes the next piece; 0, or -1 where there is no memory. After that nothing more can be added.
int reroot_pack_add(reroot_packer *packer, const uint8_t *bytes, size_t count);

/// The whole, which belongs to the packer, and how long it is; null where there was no memory. Nothing can be added any more.
const uint8_t *reroot_pack_end(reroot_packer *packer, size_t *count);

/// Frees it.
void reroot_pack_free(reroot_packer *packer);

/// Expands what is in the format of gzip and fills the room exactly: 0; -1 where it is damaged, or of another length.
int reroot_unpack(const uint8_t *bytes, size_t count, uint8_t *expanded, size_t room);

#endif
