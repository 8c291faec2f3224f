// A connection of watch.c: TLS, the request, the answer's head, its chunks.
#define _GNU_SOURCE
#include "watch.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *context;

int64_t nowMicroseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

void readHeaders(struct options *options, const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) exit(66);
  options->headers[fread(options->headers, 1, sizeof options->headers - 1, file)] = 0;
  fclose(file);
}

void openStream(struct stream *stream, struct options *options) {
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  stream->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (stream->descriptor < 0) exit(71);
  connect(stream->descriptor, (struct sockaddr *)&address, sizeof address);
  stream->session = SSL_new(context);
  SSL_set_fd(stream->session, stream->descriptor);
  SSL_set_connect_state(stream->session);
  stream->isSent = stream->isAnswered = false;
  stream->chunk = LONG_MAX;
  stream->lineLength = stream->textLength = 0;
}

void closeStream(struct stream *stream) {
  SSL_free(stream->session);
  close(stream->descriptor);
}

static int ask(struct stream *stream, struct options *options) {
  char request[8192];
  int length = snprintf(
    request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%s", options->path,
    options->headers);
  if (stream->last)
    length += snprintf(request + length, sizeof request - (size_t)length, "Last-Event-ID: %ld\r\n", stream->last);
  length += snprintf(request + length, sizeof request - (size_t)length, "\r\n");
  return SSL_write(stream->session, request, length);
}

// The head ends with an empty line; what follows it is the body's.
static void readHead(struct stream *stream, char byte) {
  if (stream->lineLength < (int)sizeof stream->line - 1) stream->line[stream->lineLength++] = byte;
  if (byte != '\n') return;
  stream->line[stream->lineLength] = 0;
  if (strncmp(stream->line, "HTTP/", 5) == 0 && strstr(stream->line, " 200") == NULL) {
    fprintf(stderr, "watch: %s", stream->line);
    exit(69);
  }
  // nchan sends its body as it is; it ends with the connection.
  if (strncasecmp(stream->line, "Transfer-Encoding: chunked", 26) == 0) stream->chunk = -1;
  if (stream->lineLength <= 2) stream->isAnswered = true;
  stream->lineLength = 0;
}

static void readBody(struct stream *stream, struct options *options, const char *bytes, long count) {
  while (count > 0) {
    if (stream->chunk > 0) {
      long some = count < stream->chunk ? count : stream->chunk;
      scan(stream, options, bytes, some);
      bytes += some;
      count -= some;
      if (stream->chunk != LONG_MAX) stream->chunk -= some;
      continue;
    }
    // The line that ends a chunk is empty; the next one has the size of the next chunk.
    if (stream->lineLength < (int)sizeof stream->line - 1) stream->line[stream->lineLength++] = *bytes;
    if (*bytes == '\n') {
      stream->line[stream->lineLength] = 0;
      if (stream->lineLength > 2) stream->chunk = strtol(stream->line, NULL, 16);
      stream->lineLength = 0;
    }
    bytes++;
    count--;
  }
}

static enum progress wanted(struct stream *stream, int result) {
  switch (SSL_get_error(stream->session, result)) {
    case SSL_ERROR_WANT_READ: return WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return WANTS_WRITE;
    default: return ENDED;
  }
}

enum progress goOn(struct stream *stream, struct options *options) {
  static char bytes[1 << 16];
  if (!stream->isSent) {
    int result = SSL_do_handshake(stream->session);
    if (result == 1) result = ask(stream, options);
    if (result <= 0) return wanted(stream, result);
    stream->isSent = true;
  }
  for (;;) {
    int count = SSL_read(stream->session, bytes, sizeof bytes), from = 0;
    if (count <= 0) return wanted(stream, count);
    while (!stream->isAnswered && from < count) readHead(stream, bytes[from++]);
    if (from < count) readBody(stream, options, bytes + from, count - from);
  }
}
