#ifndef REROOT_CPROCESS_H
#define REROOT_CPROCESS_H

#include <stdint.h>

/// What linking this target does by itself: memory that is given back is wiped first, see wiping.c. It is only for the
/// program, not for libraries.

/// Forbids core dumps of this process, and its memory to other processes of the same user: 0, or -1 and errno. Programs
/// that it starts are not affected.
int reroot_forbid_dumps(void);

/// Has this process killed when the one that has started it is gone: 0, or -1 and errno.
int reroot_end_with_parent(void);

/// Whether memory is wiped when it is given back: not in a build with a sanitizer, which keeps books of its own.
int reroot_wipes_memory(void);

/// How many columns a Unicode scalar value takes at a terminal, by the tables of the C library (wcwidth(3)): 0, 1 or 2.
int reroot_columns(uint32_t scalar);

#endif
