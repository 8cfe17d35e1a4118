/* The load generator's ceiling: answers each request with the first prepared answer,
 * its opaque copied, and does nothing else. Requests must all be as long as the first.
 *
 * usage: echo PORT FRAMES    serves on loopback until it is ended
 */
#include "frames.h"
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_BYTES = 1 << 16, OUTPUT_BYTES = 1 << 23, MOST_EVENTS = 256 };

struct connection {
    int fd;
    size_t kept;
    uint8_t input[INPUT_BYTES];
};

static struct frames frames;
static uint8_t *output;
static int poller;

static void drop(struct connection *connection)
{
    close(connection->fd);
    free(connection);
}

static bool send_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t sent = write(fd, bytes, length);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
    }
    return true;
}

static void serve(struct connection *connection)
{
    const struct pair *pair = &frames.pairs[0];
    ssize_t got = read(connection->fd, connection->input + connection->kept,
                       INPUT_BYTES - connection->kept);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            drop(connection);
        return;
    }
    size_t length = connection->kept + (size_t)got, place = 0, used = 0;
    while (length - place >= pair->request_bytes) {
        if (used + pair->answer_bytes > OUTPUT_BYTES) {
            if (!send_all(connection->fd, output, used))
                return drop(connection);
            used = 0;
        }
        memcpy(output + used, pair->answer, pair->answer_bytes);
        memcpy(output + used + pair->answer_opaque_at,
               connection->input + place + pair->request_opaque_at, OPAQUE_DIGITS);
        used += pair->answer_bytes;
        place += pair->request_bytes;
    }
    connection->kept = length - place;
    memmove(connection->input, connection->input + place, connection->kept);
    if (!send_all(connection->fd, output, used))
        drop(connection);
}

static void welcome(int listener)
{
    int one = 1;
    struct connection *connection = malloc(sizeof *connection);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || connection == NULL) {
        free(connection);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->fd = fd;
    connection->kept = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static int listen_on_loopback(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1024) != 0) {
        perror("cannot listen");
        exit(1);
    }
    return listener;
}

int main(int count, char **words)
{
    if (count != 3) {
        fprintf(stderr, "usage: echo PORT FRAMES\n");
        return 2;
    }
    frames_read(words[2], &frames);
    output = malloc(OUTPUT_BYTES);
    if (output == NULL || frames.longest_answer > OUTPUT_BYTES ||
        frames.longest_request > INPUT_BYTES) {
        fprintf(stderr, "the frames are too long\n");
        return 2;
    }
    int listener = listen_on_loopback((int)number_option("port", words[1], 1));
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    while (true) {
        struct epoll_event events[MOST_EVENTS];
        int ready = epoll_wait(poller, events, MOST_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listener)
                welcome(listener);
            else
                serve(events[i].data.ptr);
        }
    }
}
