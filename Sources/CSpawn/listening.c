#include "CSpawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// TCP_LISTEN in the kernel's tcp_states.h.
enum { LISTENING = 10 };

static int ask(int link, int family) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } question;
  memset(&question, 0, sizeof question);
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.request.sdiag_family = (unsigned char)family;
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = 1u << LISTENING;
  return send(link, &question, sizeof question, 0) == (ssize_t)sizeof question ? 0 : -1;
}

// Takes one answer: 1 while more may come, 0 after the last, -1 for an error.
static int take(const struct nlmsghdr *header, const uint16_t *ports, size_t count, uint64_t *inodes, size_t room, size_t *found) {
  if (header->nlmsg_type == NLMSG_DONE) return 0;
  if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return -1;
  const struct inet_diag_msg *listener = NLMSG_DATA(header);
  for (size_t index = 0; index < count; index++)
    if (ntohs(listener->id.idiag_sport) == ports[index] && *found < room) inodes[(*found)++] = listener->idiag_inode;
  return 1;
}

long reroot_listening(int family, const uint16_t *ports, size_t count, uint64_t *inodes, size_t room) {
  int link = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (link < 0) return -1;
  size_t found = 0;
  int more = ask(link, family) == 0 ? 1 : -1;
  _Alignas(struct nlmsghdr) char answer[32768];
  while (more == 1) {
    ssize_t length = recv(link, answer, sizeof answer, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) more = -1;
    size_t left = length > 0 ? (size_t)length : 0;
    for (const struct nlmsghdr *header = (const void *)answer; more == 1 && NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left))
      more = take(header, ports, count, inodes, room, &found);
  }
  close(link);
  return more == 0 ? (long)found : -1;
}
