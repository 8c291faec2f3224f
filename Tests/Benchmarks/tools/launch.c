// Starts a program, waits for it and for all that descends from it, and says what they cost.
//
//   launch SECONDS FILE PROGRAM [ARGUMENT…]
//
// FILE gets a line of JSON: how it ended, the seconds until the program itself had ended, the seconds of CPU (user and
// system) of everything, and the peak memory of the largest process. What is not over after SECONDS is killed.
//
// It is a program of its own because a process that a large one has forked counts the large one's memory as its peak.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t isLate;

static void late(int signal) {
  (void)signal;
  isLate = 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

// Kills whoever is our child: descendants without a parent have become ours.
static void killChildren(void) {
  FILE *list = fopen("/proc/thread-self/children", "r");
  int child;
  while (list && fscanf(list, "%d", &child) == 1) kill(child, SIGKILL);
  if (list) fclose(list);
}

int main(int count, char **words) {
  if (count < 4) return 64;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct sigaction action = {.sa_handler = late};
  sigaction(SIGALRM, &action, NULL);
  double begun = now(), seconds = 0;
  pid_t program = fork();
  if (program == 0) {
    setpgid(0, 0);
    execvp(words[3], words + 3);
    perror(words[3]);
    _exit(127);
  }
  alarm((unsigned)atoi(words[1]));
  int status = -1, wasLate = 0;
  for (;;) {
    int one;
    pid_t ended = wait(&one);
    if (ended == program) {
      seconds = now() - begun;
      status = WIFEXITED(one) ? WEXITSTATUS(one) : 128 + WTERMSIG(one);
      // What it has left behind has five seconds to end.
      if (!wasLate) alarm(5);
    } else if (ended < 0 && errno == ECHILD) {
      break;
    }
    if (isLate) {
      if (status < 0) {
        wasLate = 1;
        kill(-program, SIGKILL);
      }
      killChildren();
      isLate = 0;
      alarm(1);
    }
  }
  struct rusage use;
  getrusage(RUSAGE_CHILDREN, &use);
  double cpu = use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
  FILE *file = fopen(words[2], "w");
  if (!file) return 74;
  fprintf(
    file, "{\"status\": %d, \"wasLate\": %s, \"seconds\": %.6f, \"cpu\": %.6f, \"peak\": %ld}\n", status,
    wasLate ? "true" : "false", seconds, cpu, use.ru_maxrss * 1024);
  return fclose(file) == 0 ? 0 : 74;
}
