#ifndef REROOT_CSPAWN_H
#define REROOT_CSPAWN_H

#include <spawn.h>
#include <stddef.h>
#include <stdint.h>

/* Only what Swift's Glibc leaves out of what Linux and GNU's C library have: for a child that gets no descriptor that it was not
   given, for files, and for asking the kernel about sockets. */

/* pipe2 with O_CLOEXEC: 0, or -1 and errno. */
int reroot_pipe(int ends[2]);

/* memfd_create with MFD_CLOEXEC: a descriptor, or -1 and errno. */
int reroot_memory_file(const char *name);

/* posix_spawn_file_actions_addclosefrom_np: 0, or the number of an error. */
int reroot_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/* Begins to write a file's content to the disk, without waiting for it (sync_file_range(2)): 0, or -1 and errno. */
int reroot_begin_write(int descriptor);

/* The inodes of the TCP sockets of a family that listen at one of the ports (sock_diag(7)), as many as there is room for: how many
   they are, or -1. */
long reroot_listening(int family, const uint16_t *ports, size_t count, uint64_t *inodes, size_t room);

/* Lets a child write no core dump (prlimit with RLIMIT_CORE): to be called before it is given anything secret. */
void reroot_forbid_core(pid_t child);

#endif
