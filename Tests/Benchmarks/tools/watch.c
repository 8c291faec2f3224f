// Keeps many event streams open over TLS, in one process, and notes when each event came.
//
//   watch PORT COUNT PATH HEADERS MARK dense|sparse
//
// HEADERS is a file of further header lines. MARK is what stands before the number of an event. With `dense` the numbers
// are consecutive, so what is lost or doubled is counted. Writes `ready` once all streams are answered. Then it reads a line
// from standard input,
//
//   LAST SECONDS TIMES
//
// waits until every stream has the event LAST, at most so long, and writes a line of JSON: the percentiles of the time from
// each event's moment to its receipt by each client, in milliseconds. TIMES is a file with a line for each event: its number
// and its moment, in microseconds since 1970.
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CONNECTING = 64 };

static struct options options;
static struct stream *streams;
static int answered, connecting, begun, poller;

static void want(struct stream *stream, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = stream};
  epoll_ctl(poller, operation, stream->descriptor, &event);
}

static void begin(struct stream *stream) {
  connecting++;
  openStream(stream, &options);
  want(stream, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void beginSome(void) {
  while (begun < options.count && connecting < CONNECTING) begin(&streams[begun++]);
}

// A server may drop a stream; a browser connects again and says what it has.
static void again(struct stream *stream) {
  if (stream->isAnswered) {
    answered--;
    stream->reconnects++;
  } else {
    connecting--;
  }
  closeStream(stream);
  begin(stream);
}

static void handle(struct stream *stream) {
  int wasAnswered = stream->isAnswered;
  enum progress progress = goOn(stream, &options);
  if (progress == ENDED) return again(stream);
  want(stream, EPOLL_CTL_MOD, progress == WANTS_WRITE ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (!wasAnswered && stream->isAnswered) {
    answered++;
    connecting--;
    beginSome();
  }
}

// Whether there was something to read on standard input.
static int serve(int milliseconds) {
  struct epoll_event events[512];
  int count = epoll_wait(poller, events, 512, milliseconds), isAsked = 0;
  for (int index = 0; index < count; index++) {
    if (events[index].data.ptr) handle(events[index].data.ptr);
    else isAsked = 1;
  }
  return isAsked;
}

static int haveAll(long last) {
  for (int index = 0; index < options.count; index++)
    if (streams[index].last < last) return 0;
  return 1;
}

int main(int count, char **words) {
  if (count != 7) return 64;
  signal(SIGPIPE, SIG_IGN);
  options = (struct options){
    .port = atoi(words[1]), .count = atoi(words[2]), .path = words[3], .mark = words[5],
    .isDense = strcmp(words[6], "dense") == 0,
  };
  readHeaders(&options, words[4]);
  streams = calloc((size_t)options.count, sizeof *streams);
  poller = epoll_create1(EPOLL_CLOEXEC);
  beginSome();
  while (answered < options.count) serve(1000);
  puts("ready");
  fflush(stdout);
  struct epoll_event input = {.events = EPOLLIN};
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  while (!serve(1000)) continue;
  long last;
  int seconds;
  char times[1024];
  if (scanf("%ld %d %1023s", &last, &seconds, times) != 3) return 65;
  epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
  int64_t end = nowMicroseconds() + seconds * 1000000LL;
  while (nowMicroseconds() < end && !haveAll(last)) serve(20);
  report(streams, &options, last, times);
  return 0;
}
