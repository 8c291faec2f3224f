#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
  char *folder, *name;
  int descriptor;
};

struct batch {
  bool isDurable;
  int count, room;
  struct file *files;
};

struct batch *newBatch(bool isDurable) {
  struct batch *batch = calloc(1, sizeof *batch);
  batch->isDurable = isDurable;
  return batch;
}

static void temporaryPath(char path[4096], const struct file *file) {
  snprintf(path, 4096, "%s/.%s.new", file->folder, file->name);
}

void addFile(struct batch *batch, const char *folder, const char *name, const char *bytes, size_t length, int mode) {
  if (batch->count == batch->room) {
    batch->room = batch->room ? 2 * batch->room : 64;
    batch->files = realloc(batch->files, (size_t)batch->room * sizeof *batch->files);
  }
  struct file *file = &batch->files[batch->count++];
  file->folder = strdup(folder);
  file->name = strdup(name);
  char path[4096];
  temporaryPath(path, file);
  file->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file->descriptor < 0) fail("making", path);
  if (write(file->descriptor, bytes, length) != (ssize_t)length) fail("writing", path);
  // Its place on the disk is found now, so that one transaction of the file system holds those of the whole batch.
  if (batch->isDurable) sync_file_range(file->descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void flushFolders(struct batch *batch) {
  const char *former = "";
  for (int index = 0; index < batch->count; index++) {
    const char *folder = batch->files[index].folder;
    if (strcmp(folder, former) == 0) continue;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 || fsync(descriptor) != 0) fail("flushing", folder);
    close(descriptor);
    former = folder;
  }
}

void commit(struct batch *batch) {
  for (int index = 0; index < batch->count; index++) {
    struct file *file = &batch->files[index];
    if (batch->isDurable && fsync(file->descriptor) != 0) fail("flushing", file->folder);
    close(file->descriptor);
  }
  for (int index = 0; index < batch->count; index++) {
    struct file *file = &batch->files[index];
    char from[4096], to[4096];
    temporaryPath(from, file);
    snprintf(to, sizeof to, "%s/%s", file->folder, file->name);
    if (rename(from, to) != 0) fail("replacing", to);
  }
  if (batch->isDurable) flushFolders(batch);
  for (int index = 0; index < batch->count; index++) {
    free(batch->files[index].folder);
    free(batch->files[index].name);
  }
  free(batch->files);
  free(batch);
}

char *readFile(const char *path, size_t *length) {
  FILE *file = fopen(path, "r");
  if (!file) fail("reading", path);
  char *bytes = malloc(1 << 20);
  *length = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}
