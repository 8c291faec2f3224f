#include "floor.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long numberIn(const char *folder, const char *name) {
  char path[1100];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  size_t length;
  char *text = readFile(path, &length);
  long number = strtol(text, NULL, 10);
  free(text);
  if (number <= 0) fail("reading", path);
  return number;
}

void reloadServer(const char *folder) {
  if (kill((pid_t)numberIn(folder, "server.pid"), SIGHUP) != 0) fail("reloading", folder);
}

static X509 *served(SSL_CTX *context, long port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  X509 *found = NULL;
  SSL *session = SSL_new(context);
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 && SSL_set_fd(session, descriptor) == 1 &&
      SSL_connect(session) == 1)
    found = SSL_get1_peer_certificate(session);
  SSL_free(session);
  close(descriptor);
  return found;
}

void awaitServed(const char *folder) {
  char path[1100];
  snprintf(path, sizeof path, "%s/server.pem", folder);
  FILE *file = fopen(path, "r");
  X509 *wanted = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
  if (!wanted) fail("reading", path);
  fclose(file);
  long port = numberIn(folder, "port");
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  struct timespec pause = {.tv_nsec = 2000000};
  for (;;) {
    X509 *found = served(context, port);
    int same = found && X509_cmp(found, wanted) == 0;
    X509_free(found);
    if (same) break;
    nanosleep(&pause, NULL);
  }
  SSL_CTX_free(context);
  X509_free(wanted);
}
