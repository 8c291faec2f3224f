#include "CProcess.h"
#include "sanitizers.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

int reroot_end_with_parent(void) {
  // prctl(2), PR_SET_PDEATHSIG: with the thread that has started this process, which waits for it.
  return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

int reroot_forbid_dumps(void) {
#ifndef REROOT_SANITIZED
  // Swift's runtime answers a crash with a backtrace on standard error, and with what the registers point at: memory, in
  // the log.
  static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP};
  for (size_t index = 0; index < sizeof crashes / sizeof *crashes; index++) signal(crashes[index], SIG_DFL);
#endif
  // prctl(2), PR_SET_DUMPABLE: no core dump, also where core_pattern names a program, for which RLIMIT_CORE does not count;
  // and no ptrace by others. execve(2) sets it back, so that a server that is restarted by a command may dump as before.
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
