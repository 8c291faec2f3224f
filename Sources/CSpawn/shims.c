#define _GNU_SOURCE
#include "CSpawn.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int reroot_pipe(int ends[2]) {
  return pipe2(ends, O_CLOEXEC);
}

int reroot_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

void reroot_forbid_core(pid_t child) {
  struct rlimit none = {0, 0};
  prlimit(child, RLIMIT_CORE, &none, NULL);
}

int reroot_memory_file(const char *name) {
  return memfd_create(name, MFD_CLOEXEC);
}

int reroot_begin_write(int descriptor) {
  return sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
}
