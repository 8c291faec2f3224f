/* Breaks a program at one of its durable calls: the calls that make, change, name or sync a file.
 *
 * Here are those that the program and its libraries make. test_faults.py asks the kernel whether there are others.
 *
 * Loaded before the C library (LD_PRELOAD) into the program that FAULTS_PROGRAM names; its children are left alone.
 * What is to happen stands in a file that is mapped by the program and by the test (FAULTS_CONTROL, made by the test, see
 * faults.py), so a test can arm a program that runs already, and reads what was called after the program has died.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { NOTHING, KILL, TEAR, FAIL };
enum { PREFIX = 512, LINE = 128, LINES = 8190, NAME = 16, SUFFIX = 64 };

struct control {
  atomic_int armed;   /* calls count while this is not 0 */
  atomic_int at;      /* which of the matching calls something happens at, from 1 on; 0 for none */
  atomic_int lasting; /* whether it happens at all later calls too */
  atomic_int act;
  atomic_int error;   /* the errno of FAIL */
  atomic_int count;   /* the calls so far */
  atomic_int matched; /* those of them whose name and file match */
  atomic_int struck;  /* how often something happened */
  atomic_int where;   /* the number among all calls of the last at which it did */
  char name[NAME];     /* only calls of this function match; empty for all */
  char suffix[SUFFIX]; /* only those on a file whose path ends like this */
  char prefix[PREFIX]; /* only calls on files under this path count */
  char lines[LINES][LINE]; /* name and path of each call */
};

static struct control *control;

__attribute__((constructor)) static void begin(void) {
  const char *program = getenv("FAULTS_PROGRAM"), *path = getenv("FAULTS_CONTROL");
  if (!program || !path || strcmp(program, program_invocation_short_name)) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (map != MAP_FAILED) control = map;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts a call. Returns what is to happen instead of it: NOTHING, TEAR or FAIL, the last with errno set. */
static int reached(const char *name, const char *path) {
  if (!control || !atomic_load(&control->armed)) return NOTHING;
  if (strncmp(path, control->prefix, strlen(control->prefix))) return NOTHING;
  /* The index of the log is shared memory of SQLite, made anew at every start. */
  size_t length = strlen(path);
  if (length > 4 && !strcmp(path + length - 4, "-shm")) return NOTHING;
  int number = atomic_fetch_add(&control->count, 1) + 1;
  if (number <= LINES) snprintf(control->lines[number - 1], LINE, "%s %s", name, path + strlen(control->prefix));
  size_t end = strlen(control->suffix);
  if (control->name[0] && strcmp(name, control->name)) return NOTHING;
  if (end > length || strcmp(path + length - end, control->suffix)) return NOTHING;
  int match = atomic_fetch_add(&control->matched, 1) + 1, at = atomic_load(&control->at);
  if (!at || match < at || (match > at && !atomic_load(&control->lasting))) return NOTHING;
  atomic_fetch_add(&control->struck, 1);
  atomic_store(&control->where, number);
  switch (atomic_load(&control->act)) {
    case KILL: die(); break;
    case TEAR: return TEAR;
    case FAIL: errno = atomic_load(&control->error); return FAIL;
  }
  return NOTHING;
}

static const char *path_of(int descriptor, char *buffer) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t count = readlink(link, buffer, 1023);
  buffer[count > 0 ? count : 0] = 0;
  return buffer;
}

static const char *path_at(int folder, const char *name, char *buffer) {
  if (name[0] == '/') return name;
  char base[1024];
  snprintf(buffer, 2048, "%s/%s", folder == AT_FDCWD ? "" : path_of(folder, base), name);
  return buffer;
}

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  int kept = errno; \
  if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name); \
  errno = kept

/* Calls without data: a torn one dies before it. */
#define STEP(name, path) \
  do { \
    int happens = control ? reached(name, path) : NOTHING; \
    if (happens == TEAR) die(); \
    if (happens == FAIL) return -1; \
  } while (0)

int fsync(int file) {
  REAL(int, fsync, int);
  char buffer[1024];
  STEP("fsync", path_of(file, buffer));
  return real(file);
}

int fdatasync(int file) {
  REAL(int, fdatasync, int);
  char buffer[1024];
  STEP("fdatasync", path_of(file, buffer));
  return real(file);
}

int sync_file_range(int file, off64_t offset, off64_t length, unsigned flags) {
  REAL(int, sync_file_range, int, off64_t, off64_t, unsigned);
  char buffer[1024];
  STEP("sync_file_range", path_of(file, buffer));
  return real(file, offset, length, flags);
}

ssize_t write(int file, const void *data, size_t length) {
  REAL(ssize_t, write, int, const void *, size_t);
  char buffer[1024];
  int happens = control ? reached("write", path_of(file, buffer)) : NOTHING;
  if (happens == TEAR) { real(file, data, length / 2); die(); }
  return happens == FAIL ? -1 : real(file, data, length);
}

#define PWRITE(name, offset_type) \
  ssize_t name(int file, const void *data, size_t length, offset_type offset) { \
    REAL(ssize_t, name, int, const void *, size_t, offset_type); \
    char buffer[1024]; \
    int happens = control ? reached("pwrite", path_of(file, buffer)) : NOTHING; \
    if (happens == TEAR) { real(file, data, length / 2, offset); die(); } \
    return happens == FAIL ? -1 : real(file, data, length, offset); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type) \
  int name(int file, offset_type length) { \
    REAL(int, name, int, offset_type); \
    char buffer[1024]; \
    STEP("ftruncate", path_of(file, buffer)); \
    return real(file, length); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* Whether open(2) takes a mode, because it may make a file. */
static int makes(int flags) { return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE; }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, name, const char *, int, ...); \
    mode_t mode = 0; \
    if (makes(flags)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = va_arg(rest, mode_t); \
      va_end(rest); \
      char buffer[2048]; \
      STEP("open", path_at(AT_FDCWD, path, buffer)); \
    } \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    REAL(int, name, int, const char *, int, ...); \
    mode_t mode = 0; \
    if (makes(flags)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = va_arg(rest, mode_t); \
      va_end(rest); \
      char buffer[2048]; \
      STEP("open", path_at(folder, path, buffer)); \
    } \
    return real(folder, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  char buffer[2048];
  STEP("rename", path_at(AT_FDCWD, to, buffer));
  return real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  REAL(int, renameat, int, const char *, int, const char *);
  char buffer[2048];
  STEP("rename", path_at(to_folder, to, buffer));
  return real(from_folder, from, to_folder, to);
}

int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  char buffer[2048];
  STEP("link", path_at(AT_FDCWD, to, buffer));
  return real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  REAL(int, linkat, int, const char *, int, const char *, int);
  char buffer[2048];
  STEP("link", path_at(to_folder, to, buffer));
  return real(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  char buffer[2048];
  STEP("unlink", path_at(AT_FDCWD, path, buffer));
  return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  char buffer[2048];
  STEP("unlink", path_at(folder, path, buffer));
  return real(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  char buffer[2048];
  STEP("mkdir", path_at(AT_FDCWD, path, buffer));
  return real(path, mode);
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  char buffer[2048];
  STEP("rmdir", path_at(AT_FDCWD, path, buffer));
  return real(path);
}

int chmod(const char *path, mode_t mode) {
  REAL(int, chmod, const char *, mode_t);
  char buffer[2048];
  STEP("chmod", path_at(AT_FDCWD, path, buffer));
  return real(path, mode);
}

int chown(const char *path, uid_t owner, gid_t group) {
  REAL(int, chown, const char *, uid_t, gid_t);
  char buffer[2048];
  STEP("chown", path_at(AT_FDCWD, path, buffer));
  return real(path, owner, group);
}

int fchmod(int file, mode_t mode) {
  REAL(int, fchmod, int, mode_t);
  char buffer[1024];
  STEP("fchmod", path_of(file, buffer));
  return real(file, mode);
}

int fchown(int file, uid_t owner, gid_t group) {
  REAL(int, fchown, int, uid_t, gid_t);
  char buffer[1024];
  STEP("fchown", path_of(file, buffer));
  return real(file, owner, group);
}
