#include "floor.h"

#include <spawn.h>
#include <sys/wait.h>

int startActivation(const struct work *work, const char *name) {
  char *words[] = {(char *)work->activate, (char *)work->log, (char *)name, NULL};
  char *environment[] = {NULL};
  pid_t process;
  if (posix_spawn(&process, work->activate, NULL, NULL, words, environment) != 0) fail("starting", work->activate);
  return process;
}

void expectSuccess(int process, const char *name) {
  int status;
  if (waitpid(process, &status, 0) != process || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fail("activating", name);
  }
}
