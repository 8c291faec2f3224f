#ifndef REROOT_CMICROHTTPD_H
#define REROOT_CMICROHTTPD_H

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <microhttpd.h>
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

/* Only what Swift cannot call by itself: variadic functions, va_list callbacks, and casts of function pointers. */

/* Called with one finished line of the library's own log. */
typedef void (*reroot_log_callback)(void *closure, const char *line);

/* Called with the request target exactly as it was sent, before anything is decoded; gives the request's closure. */
typedef void *(*reroot_target_callback)(void *closure, const char *target, struct MHD_Connection *connection);

/* Everything a daemon is started with. It must outlive the daemon: the logger reads it. */
struct reroot_daemon_settings {
  void *closure;
  int listening_socket;
  unsigned int connection_limit;
  unsigned int connections_per_address; /* 0: no limit */
  unsigned int idle_seconds;
  unsigned int threads;
  size_t connection_memory;
  MHD_AccessHandlerCallback on_access;
  MHD_RequestCompletedCallback on_completed;
  MHD_NotifyConnectionCallback on_connection;
  reroot_target_callback on_target;
  reroot_log_callback on_log;
  gnutls_certificate_retrieve_function3 *on_certificate; /* NULL: plain HTTP */
  const char *tls_priorities;
};

struct MHD_Daemon *reroot_daemon_start(struct reroot_daemon_settings *settings);

/* memmem, which Swift's Glibc leaves out: the offset of the first occurrence, or -1. */
ptrdiff_t reroot_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count);

/* MHD_get_connection_info, which is variadic, once per question that the server asks. */
int reroot_connection_descriptor(struct MHD_Connection *connection);
void *reroot_connection_closure(struct MHD_Connection *connection);
const struct sockaddr *reroot_connection_address(struct MHD_Connection *connection);
size_t reroot_connection_header_size(struct MHD_Connection *connection);

#endif
