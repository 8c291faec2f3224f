// What watch.c makes of the events: their numbers, when they came, and the percentiles.
#define _GNU_SOURCE
#include "watch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct receipt {
  uint32_t first, last;
  int64_t at;
};

static struct receipt *receipts;
static size_t receiptCount, receiptRoom;
static int64_t received;

void note(long first, long last) {
  if (receiptCount == receiptRoom) {
    receiptRoom = receiptRoom ? 2 * receiptRoom : 1 << 16;
    receipts = realloc(receipts, receiptRoom * sizeof *receipts);
  }
  receipts[receiptCount++] = (struct receipt){(uint32_t)first, (uint32_t)last, nowMicroseconds()};
}

static void count(struct stream *stream, struct options *options, long number) {
  if (options->isDense && number <= stream->last) stream->doubled++;
  if (options->isDense && stream->last && number > stream->last + 1) stream->lost += number - stream->last - 1;
  if (number > stream->last) stream->last = number;
}

static void scanText(struct stream *stream, struct options *options, const char *text, const char *end) {
  size_t length = strlen(options->mark);
  long first = 0;
  const char *found, *from = text;
  while ((found = memmem(from, (size_t)(end - from), options->mark, length))) {
    const char *digits = found + length;
    const char *behind = digits;
    while (behind < end && isdigit((unsigned char)*behind)) behind++;
    // The number may go on in the next piece.
    if (behind == end) break;
    if (behind > digits) {
      long number = strtol(digits, NULL, 10);
      if (!first) first = number;
      count(stream, options, number);
    }
    from = behind;
  }
  if (first) note(first, stream->last);
  // What may be the beginning of a mark and its number waits for what comes next.
  const char *rest = found ? found : end - (ptrdiff_t)(length - 1) > from ? end - (ptrdiff_t)(length - 1) : from;
  stream->textLength = (int)(end - rest);
  memcpy(stream->text, rest, (size_t)stream->textLength);
}

void scan(struct stream *stream, struct options *options, const char *bytes, long length) {
  static char text[(1 << 16) + (1 << 8)];
  received += length;
  memcpy(text, stream->text, (size_t)stream->textLength);
  memcpy(text + stream->textLength, bytes, (size_t)length);
  scanText(stream, options, text, text + stream->textLength + length);
}

// The moments by number; 0 for none.
static int64_t *readTimes(const char *path, long last) {
  int64_t *times = calloc((size_t)last + 1, sizeof *times), at;
  FILE *file = fopen(path, "r");
  long number;
  while (file && fscanf(file, "%ld %ld", &number, &at) == 2)
    if (number >= 0 && number <= last) times[number] = at;
  if (file) fclose(file);
  return times;
}

enum { BUCKETS = 600000, BUCKET = 100 };

static double percentile(const uint64_t *buckets, uint64_t total, double part) {
  uint64_t sum = 0;
  for (int index = 0; index < BUCKETS; index++)
    if ((sum += buckets[index]) >= (uint64_t)(part * (double)total)) return index * (BUCKET / 1000.0);
  return BUCKETS * (BUCKET / 1000.0);
}

void report(struct stream *streams, struct options *options, long last, const char *path) {
  int64_t *times = readTimes(path, last);
  uint64_t *buckets = calloc(BUCKETS, sizeof *buckets), total = 0;
  for (size_t index = 0; index < receiptCount; index++) {
    for (uint32_t number = receipts[index].first; number <= receipts[index].last && number <= last; number++) {
      if (!times[number]) continue;
      int64_t late = (receipts[index].at - times[number]) / BUCKET;
      buckets[late < 0 ? 0 : late >= BUCKETS ? BUCKETS - 1 : late]++;
      total++;
    }
  }
  long lost = 0, doubled = 0, reconnects = 0, behind = 0;
  for (int index = 0; index < options->count; index++) {
    lost += streams[index].lost;
    doubled += streams[index].doubled;
    reconnects += streams[index].reconnects;
    behind += streams[index].last < last;
  }
  printf(
    "{\"p50\": %.1f, \"p99\": %.1f, \"worst\": %.1f, \"events\": %lu, \"bytes\": %ld, \"lost\": %ld, \"doubled\": %ld, "
    "\"reconnects\": %ld, \"behind\": %ld}\n",
    percentile(buckets, total, 0.5), percentile(buckets, total, 0.99), percentile(buckets, total, 1), total, received,
    lost, doubled, reconnects, behind);
  fflush(stdout);
}
