// The floor: see floor.h.
//
//   floor FOLDER COUNT renewal|new-root p256|rsa2048 ACTIVATE LOG
//   floor FOLDER COUNT renewal|new-root p256|rsa2048 reload
//   floor FOLDER COUNT first p256|rsa2048
#include "floor.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128 };

static struct work work;
static const char *bundle;
static size_t bundleLength;

// A pass over all components, which the threads share batch by batch. A pass ends before the next begins.
struct pass {
  void (*run)(struct authority *authority, int from, int to);
  atomic_int next;
};

_Noreturn void fail(const char *doing, const char *what) {
  fprintf(stderr, "floor: %s %s: %s\n", doing, what, strerror(errno));
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void folderOf(int number, char path[1024], char name[32]) {
  snprintf(name, 32, "part-%05d", number);
  snprintf(path, 1024, "%s/parts/%s", work.folder, name);
}

static void reloadAll(int from, int to) {
  char folder[1024], name[32];
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    reloadServer(folder);
  }
}

static void activateAll(int from, int to) {
  if (work.areServers) return reloadAll(from, to);
  int processes[BATCH];
  char folder[1024], name[32];
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    processes[number - from] = startActivation(&work, name);
  }
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    expectSuccess(processes[number - from], name);
  }
}

static void trust(struct authority *authority, int from, int to) {
  (void)authority;
  char folder[1024], name[32];
  struct batch *batch = newBatch(true);
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    addFile(batch, folder, "roots.pem", bundle, bundleLength, 0644);
  }
  commit(batch);
  activateAll(from, to);
}

static void addIdentity(struct batch *batch, struct authority *authority, const char *folder, const char *name) {
  size_t length;
  EVP_PKEY *key = makeKey(work.isRSA);
  X509 *certificate = issue(authority, key, name);
  char *pem = pemOfKey(key, &length);
  addFile(batch, folder, "server.key", pem, length, 0600);
  free(pem);
  pem = pemOfCertificate(certificate, &length);
  addFile(batch, folder, "server.pem", pem, length, 0644);
  free(pem);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static void replace(struct authority *authority, int from, int to) {
  char folder[1024], name[32], certificate[1100], key[1100];
  struct batch *batch = newBatch(!work.isFirst);
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    if (!work.isNewRoot) addFile(batch, folder, "roots.pem", bundle, bundleLength, 0644);
    addIdentity(batch, authority, folder, name);
  }
  commit(batch);
  if (work.isFirst) return;
  activateAll(from, to);
  for (int number = from; number < to; number++) {
    folderOf(number, folder, name);
    snprintf(certificate, sizeof certificate, "%s/server.pem", folder);
    snprintf(key, sizeof key, "%s/server.key", folder);
    if (!isGood(authority, certificate, key)) fail("verifying", name);
    if (work.areServers) awaitServed(folder);
  }
}

static void *share(void *given) {
  struct pass *pass = given;
  char certificate[1024], key[1024];
  snprintf(certificate, sizeof certificate, "%s/root.pem", work.folder);
  snprintf(key, sizeof key, "%s/root.key", work.folder);
  struct authority *authority = openAuthority(certificate, key);
  // Small systems are shared, too.
  int size = work.count / 4 < 1 ? 1 : work.count / 4 > BATCH ? BATCH : work.count / 4;
  for (;;) {
    int from = atomic_fetch_add(&pass->next, size);
    if (from >= work.count) return NULL;
    pass->run(authority, from, from + size < work.count ? from + size : work.count);
  }
}

static void perform(struct pass *pass) {
  int count = (int)sysconf(_SC_NPROCESSORS_ONLN);
  pthread_t threads[count];
  for (int index = 0; index < count; index++) pthread_create(&threads[index], NULL, share, pass);
  for (int index = 0; index < count; index++) pthread_join(threads[index], NULL);
}

int main(int count, char **words) {
  if (count < 5 || count > 7) return 64;
  work = (struct work){
    .folder = words[1], .count = atoi(words[2]), .isNewRoot = strcmp(words[3], "new-root") == 0,
    .isFirst = strcmp(words[3], "first") == 0, .isRSA = strcmp(words[4], "rsa2048") == 0, .areServers = count == 6,
    .activate = count == 7 ? words[5] : NULL, .log = count == 7 ? words[6] : NULL,
  };
  char path[1024];
  snprintf(path, sizeof path, "%s/bundle.pem", work.folder);
  bundle = readFile(path, &bundleLength);
  struct pass first = {.run = trust}, second = {.run = replace};
  if (work.isNewRoot) perform(&first);
  perform(&second);
  return 0;
}
