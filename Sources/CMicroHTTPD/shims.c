#define _GNU_SOURCE
#include "CMicroHTTPD.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void log_line(void *settings, const char *format, va_list arguments) {
  const struct reroot_daemon_settings *const known = settings;
  char line[512];
  vsnprintf(line, sizeof line, format, arguments);
  known->on_log(known->closure, line);
}

struct MHD_Daemon *reroot_daemon_start(struct reroot_daemon_settings *settings) {
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  struct MHD_OptionItem options[16];
  unsigned int count = 0;

  /* "Should be specified as the first option": microhttpd.h on MHD_OPTION_EXTERNAL_LOGGER. Of two pointers the first
     is cast to intptr_t, as MHD_OPTION_ARRAY asks. */
  options[count++] = (struct MHD_OptionItem){MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)&log_line, settings};
  options[count++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, settings->listening_socket, NULL};
  options[count++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, settings->connection_limit, NULL};
  options[count++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds, NULL};
  options[count++] =
      (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->connection_memory, NULL};
  options[count++] = (struct MHD_OptionItem){
      MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)settings->on_completed, settings->closure};
  options[count++] = (struct MHD_OptionItem){
      MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)settings->on_connection, settings->closure};
  options[count++] = (struct MHD_OptionItem){
      MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)settings->on_target, settings->closure};
  options[count++] = (struct MHD_OptionItem){MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL};
  if (settings->connections_per_address > 0)
    options[count++] =
        (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_address, NULL};
  if (settings->threads > 1)
    options[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL};
  if (settings->on_certificate != NULL) {
    flags |= MHD_USE_TLS;
    options[count++] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)settings->on_certificate};
    options[count++] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)settings->tls_priorities};
  }
  options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};

  return MHD_start_daemon(flags, 0, NULL, NULL, settings->on_access, settings->closure, MHD_OPTION_ARRAY, options,
                          MHD_OPTION_END);
}

ptrdiff_t reroot_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
  const void *const found = memmem(bytes, count, wanted, wanted_count);
  return found == NULL ? -1 : (const char *)found - (const char *)bytes;
}

int reroot_connection_descriptor(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

void *reroot_connection_closure(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

const struct sockaddr *reroot_connection_address(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == NULL ? NULL : info->client_addr;
}

size_t reroot_connection_header_size(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return info == NULL ? 0 : info->header_size;
}
