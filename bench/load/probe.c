/* One request after the other at a steady pace, and how long each took.
 *
 * A closed loop hides a stall: it asks nothing while it waits. Here a request is due
 * every EVERY microseconds; those that were due during a late answer count with the
 * rest of its time. Ends at SIGTERM or after SECONDS and prints one line of JSON.
 * An answer has come when the kernel has its last bytes for this socket: from then on
 * the probe only waits for a core. Give it another core than the server's. Requests
 * that were due while the probe had no core are not sent, and counted as `skipped`.
 * Loopback only. Answers are compared whole; with --loose, only their opaque is.
 */
#include "frames.h"
#include "histogram.h"
#include "measure.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 1 << 22, PATIENCE_MILLIS = 120000 };

static struct histogram histogram;
static uint8_t input[INPUT_BYTES];
static volatile sig_atomic_t is_over;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

static void give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void send_all(int fd, const uint8_t *data, uint32_t length)
{
    while (length) {
        ssize_t sent = write(fd, data, length);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            give_up("the server closed the connection of the probe");
        if (sent > 0) {
            data += sent;
            length -= (uint32_t)sent;
        }
    }
}

/* Read what has come, behind `have` bytes of input, and note when the last of it came:
 * the kernel's clock is the other one, so its age is what counts. */
static ssize_t read_stamped(int fd, size_t have, uint64_t *came)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr aligned;
    } room;
    struct iovec place = {.iov_base = input + have, .iov_len = INPUT_BYTES - have};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1};
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    ssize_t got = recvmsg(fd, &message, 0);
    struct cmsghdr *about = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    struct timespec stamp, now;
    /* In this order a wait between the two clocks makes an answer later, not earlier. */
    clock_gettime(CLOCK_REALTIME, &now);
    *came = now_nanos();
    if (about != NULL && about->cmsg_type == SCM_TIMESTAMPNS) {
        memcpy(&stamp, CMSG_DATA(about), sizeof stamp);
        int64_t age = (now.tv_sec - stamp.tv_sec) * (int64_t)NANOS_PER_SECOND +
                      (now.tv_nsec - stamp.tv_nsec);
        *came -= age > 0 ? (uint64_t)age : 0;
    }
    return got;
}

/* The length of the next whole frame, which is in `input`, and when it had come. */
static uint64_t receive_frame(int fd, uint64_t *came)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    size_t have = 0;
    for (;;) {
        int ready = poll(&poller, 1, PATIENCE_MILLIS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            give_up("a probe had no answer in time");
        ssize_t got = read_stamped(fd, have, came);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            give_up("the server closed the connection of the probe");
        have += (size_t)got;
        if (have >= PREFIX_BYTES && have >= frame_length(input))
            return frame_length(input);
    }
}

static void wait_until(uint64_t due)
{
    uint64_t now = now_nanos();
    if (now >= due)
        return;
    struct timespec rest = {.tv_sec = (time_t)((due - now) / NANOS_PER_SECOND),
                            .tv_nsec = (long)((due - now) % NANOS_PER_SECOND)};
    nanosleep(&rest, NULL);
}

int main(int count, char **words)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'}, {"requests", required_argument, NULL, 'r'},
        {"every", required_argument, NULL, 'e'}, {"seconds", required_argument, NULL, 's'},
        {"loose", no_argument, NULL, 'l'},       {NULL, 0, NULL, 0},
    };
    struct frames frames = {0};
    double every_micros = 1500, seconds = 60;
    int port = 0, letter, index = 0;
    bool loose = false;
    unsigned long long skipped = 0;
    while ((letter = getopt_long(count, words, "", known, &index)) != -1) {
        switch (letter) {
        case 'p': port = (int)number_option("port", optarg, 1); break;
        case 'r': frames_read(optarg, &frames); break;
        case 'e': every_micros = number_option("every", optarg, 1); break;
        case 's': seconds = number_option("seconds", optarg, 0.001); break;
        case 'l': loose = true; break;
        default: exit(2);
        }
    }
    if (port == 0 || frames.count == 0)
        give_up("usage: probe --port N --requests FILE [--every MICROS] [--seconds S] [--loose]");
    signal(SIGTERM, end);
    uint8_t *request = malloc(frames.longest_request);
    int fd = connect_loopback(port), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    uint64_t step = (uint64_t)(every_micros * 1000), due = now_nanos();
    uint64_t last = due + (uint64_t)(seconds * (double)NANOS_PER_SECOND);
    for (uint32_t asked = 0; !is_over && now_nanos() < last; asked++) {
        wait_until(due);
        const struct pair *pair = &frames.pairs[asked % frames.count];
        uint32_t opaque = OPAQUE_BASE + asked % OPAQUE_COUNT;
        uint64_t began = now_nanos();
        send_all(fd, request, frames_write(pair, opaque, request));
        uint64_t now, length = receive_frame(fd, &now);
        now = now > began ? now : began; /* somebody may set the date */
        if (frame_opaque(input, length) != opaque)
            give_up("an answer has an opaque that the probe did not send");
        if (!loose && frame_fault(pair, input, length, true) != NULL)
            give_up(frame_fault(pair, input, length, true));
        histogram_add(&histogram, now - began);
        /* Those that were due meanwhile would have waited, too. Those that were due
         * before waited for this probe, which had no core. */
        for (due += step; due < now; due += step)
            if (due > began)
                histogram_add(&histogram, now - due);
            else
                skipped++;
    }
    printf("{\"answers\": %llu, \"skipped\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           (unsigned long long)histogram.total, skipped,
           (double)histogram_at(&histogram, 0.5) / 1e6,
           (double)histogram_at(&histogram, 0.99) / 1e6, (double)histogram.most / 1e6);
    return 0;
}
