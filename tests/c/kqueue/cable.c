/* A cable between two interfaces: see cable.h. Stands on rtnetlink(7), netdevice(7). */
#include "cable.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support.h"

void enter_own_network(void)
{
    static bool is_inside;
    if (!is_inside && unshare(CLONE_NEWNET) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        SKIP("no network namespace: %m");
    is_inside = true;
}

struct request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    char attributes[128];
};

static struct request request_of(uint16_t type, unsigned flags)
{
    return (struct request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = type,
                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)},
    };
}

static struct rtattr *append(struct request *request, uint16_t type, const char *text)
{
    char *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr *attribute = (struct rtattr *)(void *)at;
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(strlen(text));
    memcpy(RTA_DATA(attribute), text, strlen(text));
    request->header.nlmsg_len =
        NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
    return attribute;
}

/* The kernel's answer to a request: 0 or an errno. */
static int ask_kernel(struct request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[256];
    } answer;
    int fd = CHECK_OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    CHECK_EQ_INT(send(fd, request, request->header.nlmsg_len, 0),
                 request->header.nlmsg_len);
    CHECK(recv(fd, &answer, sizeof(answer), 0) > 0);
    CHECK_EQ_INT(answer.header.nlmsg_type, NLMSG_ERROR);
    CHECK_OK(close(fd));
    return -answer.error.error;
}

void set_up(const char *name, bool up)
{
    struct ifreq request = {0};
    int fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    CHECK_OK(ioctl(fd, SIOCGIFFLAGS, &request));
    request.ifr_flags =
        (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    CHECK_OK(ioctl(fd, SIOCSIFFLAGS, &request));
    CHECK_OK(close(fd));
}

uintptr_t make_cable(void)
{
    struct request request = request_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    append(&request, IFLA_IFNAME, "a");
    struct rtattr *info = append(&request, IFLA_LINKINFO, "");
    struct rtattr *kind = append(&request, IFLA_INFO_KIND, "veth");
    info->rta_len = (uint16_t)((char *)kind + RTA_ALIGN(kind->rta_len) - (char *)info);
    int error = ask_kernel(&request);
    if (error == EOPNOTSUPP)
        SKIP("no virtual interfaces (veth) here");
    CHECK_EQ_INT(error, 0);
    return if_nametoindex("a");
}

void remove_cable(void)
{
    struct request request = request_of(RTM_DELLINK, 0);
    append(&request, IFLA_IFNAME, "a");
    CHECK_EQ_INT(ask_kernel(&request), 0);
}

void await_running(bool up)
{
    struct ifreq request = {.ifr_name = "a"};
    int fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int64_t start = now_ns();
    do {
        CHECK(now_ns() - start < TOO_LONG);
        CHECK_OK(ioctl(fd, SIOCGIFFLAGS, &request));
    } while (!(request.ifr_flags & IFF_RUNNING) == up);
    CHECK_OK(ioctl(fd, SIOCSIFFLAGS, &request)); /* waits until it has told all */
    CHECK_OK(close(fd));
}

void plug_in(void)
{
    set_up("veth0", true);
    await_running(true);
}

void pull_out(void)
{
    set_up("veth0", false);
    await_running(false);
}
