// The least that a server over libmicrohttpd needs to send the same messages to everybody: no journal, no pages.
//
//   fanout CERTIFICATE KEY MOMENTS BYTES TIMES
//
// Writes its port, begins to publish when a line comes on standard input, and writes each message's number and the moment at
// which it was to be published (in microseconds since 1970) into TIMES; a line says that all are published. It ends with its
// standard input. MOMENTS holds a line for each message: how many microseconds after the beginning it is to be published.
#define _GNU_SOURCE
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 100000 };

struct watcher {
  struct MHD_Connection *connection;
  int next;
  size_t offset;
  struct watcher *nextWaiting;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char **messages;
static size_t messageBytes;
static int published;
static struct watcher *waiting;

static ssize_t more(void *given, uint64_t position, char *buffer, size_t room) {
  (void)position;
  struct watcher *watcher = given;
  size_t length = 0;
  pthread_mutex_lock(&lock);
  if (watcher->next == published) {
    watcher->nextWaiting = waiting;
    waiting = watcher;
    MHD_suspend_connection(watcher->connection);
  }
  int last = published;
  pthread_mutex_unlock(&lock);
  while (watcher->next < last && length < room) {
    size_t some = messageBytes - watcher->offset;
    if (some > room - length) some = room - length;
    memcpy(buffer + length, messages[watcher->next] + watcher->offset, some);
    length += some;
    watcher->offset += some;
    if (watcher->offset == messageBytes) {
      watcher->offset = 0;
      watcher->next++;
    }
  }
  return (ssize_t)length;
}

static enum MHD_Result answer(
  void *own, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
  const char *body, size_t *bodyBytes, void **request) {
  (void)own, (void)url, (void)method, (void)version, (void)body, (void)bodyBytes;
  if (!*request) {
    *request = connection;
    return MHD_YES;
  }
  struct watcher *watcher = calloc(1, sizeof *watcher);
  watcher->connection = connection;
  struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, more, watcher, free);
  MHD_add_response_header(response, "Content-Type", "text/event-stream");
  enum MHD_Result result = MHD_queue_response(connection, 200, response);
  MHD_destroy_response(response);
  return result;
}

static long long now(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void publish(int number) {
  char *message = malloc(messageBytes + 1);
  int length = snprintf(message, messageBytes, "data: %d ", number + 1);
  memset(message + length, '.', messageBytes - (size_t)length - 2);
  memcpy(message + messageBytes - 2, "\n\n", 2);
  pthread_mutex_lock(&lock);
  messages[number] = message;
  published = number + 1;
  struct watcher *all = waiting;
  waiting = NULL;
  while (all) {
    struct watcher *watcher = all;
    all = all->nextWaiting;
    MHD_resume_connection(watcher->connection);
  }
  pthread_mutex_unlock(&lock);
}

static char *contentOf(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) exit(66);
  char *text = calloc(1, 1 << 16);
  if (fread(text, 1, (1 << 16) - 1, file) == 0) exit(66);
  fclose(file);
  return text;
}

int main(int count, char **words) {
  if (count != 6) return 64;
  FILE *moments = fopen(words[3], "r");
  if (!moments) return 66;
  messageBytes = (size_t)atoi(words[4]);
  messages = calloc(MOST, sizeof *messages);
  struct MHD_Daemon *daemon = MHD_start_daemon(
    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer, NULL,
    MHD_OPTION_HTTPS_MEM_CERT, contentOf(words[1]), MHD_OPTION_HTTPS_MEM_KEY, contentOf(words[2]),
    MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_CONNECTION_LIMIT, 12000u, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(6 << 10), MHD_OPTION_END);
  if (!daemon) return 71;
  printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
  fflush(stdout);
  char line[16];
  if (!fgets(line, sizeof line, stdin)) return 0;
  FILE *times = fopen(words[5], "w");
  if (!times) return 73;
  long long begun = now(CLOCK_MONOTONIC), moment = now(CLOCK_REALTIME), after;
  for (int index = 0; index < MOST && fscanf(moments, "%lld", &after) == 1; index++) {
    long long left = begun + after - now(CLOCK_MONOTONIC);
    struct timespec pause = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
    if (left > 0) nanosleep(&pause, NULL);
    publish(index);
    fprintf(times, "%d %lld\n", index + 1, moment + after);
  }
  fclose(times);
  puts("published");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) continue;
  // The connections are open; there is nothing to be tidied up.
  _Exit(0);
}
