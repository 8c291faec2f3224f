#ifndef REROOT_CSPAWN_H
#define REROOT_CSPAWN_H

#include <spawn.h>

/* Only what Swift's Glibc leaves out: GNU's extensions by which a child gets no descriptor that it was not given. */

/* pipe2 with O_CLOEXEC: 0, or -1 and errno. */
int reroot_pipe(int ends[2]);

/* posix_spawn_file_actions_addclosefrom_np: 0, or the number of an error. */
int reroot_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

#endif
