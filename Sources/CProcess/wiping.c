// Wipes every piece of memory when it is given back.
//
// Texts and arrays of Swift are copied and moved as the compiler likes, and libraries have buffers of their own: what a
// password went through cannot be wiped by hand. All of it is given back to free(3) in the end, though, so that is where it
// is wiped. glibc lets a program replace single functions of malloc's family in front of its own ("Replacing malloc" in
// its manual; __libc_free and its sisters are what the originals are exported as).
#define _GNU_SOURCE
#include "CProcess.h"
#include "sanitizers.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GLIBC__) && !defined(REROOT_SANITIZED)

void *__libc_malloc(size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

int reroot_wipes_memory(void) {
  return 1;
}

/* Whether a piece was taken from the system alone and goes back to it whole: the kernel wipes pages before anybody gets them
   again, and to wipe what was never touched would take memory for it first. glibc notes it in the word before the piece
   (IS_MMAPPED in its malloc.c). */
static int is_mapped(const void *memory) {
  return (((const size_t *)memory)[-1] & 2) != 0;
}

void free(void *memory) {
  if (!memory) return;
  // free(3) leaves errno as it is.
  int number = errno;
  if (!is_mapped(memory)) explicit_bzero(memory, malloc_usable_size(memory));
  __libc_free(memory);
  errno = number;
}

void *realloc(void *memory, size_t size) {
  if (!memory) return __libc_malloc(size);
  if (size == 0) {
    free(memory);
    return NULL;
  }
  // Its pages are moved, not copied, or given back once they are copied.
  if (is_mapped(memory)) return __libc_realloc(memory, size);
  size_t held = malloc_usable_size(memory);
  if (size <= held && size >= held / 2) {
    explicit_bzero((char *)memory + size, held - size);
    return memory;
  }
  // The original would give the former place back without wiping it.
  void *moved = __libc_malloc(size);
  if (!moved) return NULL;
  memcpy(moved, memory, size < held ? size : held);
  free(memory);
  return moved;
}

#else

int reroot_wipes_memory(void) {
  return 0;
}

#endif
