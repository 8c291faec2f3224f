#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct options {
  int port, count;
  const char *path, *mark;
  char headers[4096];
  bool isDense;
};

// One event stream: a connection, what has not been understood yet, and what was seen.
struct stream {
  int descriptor;
  SSL *session;
  bool isConnected, isSent, isAnswered, isFailed;
  // Of the body: the bytes that are left of a chunk; below zero while its size line is being read.
  long chunk;
  char line[64];
  int lineLength;
  // The end of the text so far, in which a mark may begin.
  char text[1 << 8];
  int textLength;
  // The last number, and what went wrong with numbers.
  long last, lost, doubled;
  int reconnects;
};

enum progress { WANTS_READ, WANTS_WRITE, ENDED };

int64_t nowMicroseconds(void);
void readHeaders(struct options *options, const char *path);
void openStream(struct stream *stream, struct options *options);
void closeStream(struct stream *stream);
// Connects, asks, reads: whatever can be done now.
enum progress goOn(struct stream *stream, struct options *options);

// Looks for marks in a piece of a body.
void scan(struct stream *stream, struct options *options, const char *bytes, long count);
// Notes that the events of two numbers, and those between, came now.
void note(long first, long last);
void report(struct stream *streams, struct options *options, long last, const char *times);
