/* A registration storm: many brokers with large tables, while one client looks up.
 *
 * Each broker has a connection of its own, at most IN_FLIGHT register at a time. The
 * client asks one route after the other, GAP microseconds apart. In each phase every
 * broker registers ROUNDS times, at once or spread over PERIOD; the rounds use the two
 * bodies in turn, which differ like two registrations of one idle 5.x broker. After the
 * first phase an answer of another length than before means that a broker was lost.
 * Prints one line of JSON for each phase. Loopback only.
 */
#include "frames.h"
#include "histogram.h"
#include "measure.h"
#include "storm_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, ROUTE_BYTES = 1 << 22, MOST_EVENTS = 64 };

#define STALL_NANOS (120 * NANOS_PER_SECOND)

struct broker {
    int fd;
    const struct pair *pair; /* NULL: no registration under way */
    const struct body *body;
    uint64_t due_at;
    size_t sent, input_end;
    uint32_t opaque;
    uint8_t *head;
    uint8_t input[ANSWER_BYTES];
};

static struct broker *brokers;
static uint32_t broker_count, busy_brokers, rounds_done;
static int poller;
static uint32_t next_opaque;
static const char *failure;
static uint64_t last_answer_at;
static struct histogram registering, looking;

static struct {
    int fd;
    uint32_t next, opaque, unknown;
    uint32_t *lengths; /* by pair; 0: not seen in this phase */
    bool is_waiting, may_grow;
    uint64_t sent_at, due_at;
    size_t input_end;
    uint8_t *input;
} client;

static void fail(const char *why)
{
    if (failure == NULL)
        failure = why;
}

static uint32_t new_opaque(void)
{
    next_opaque = (next_opaque + 1) % OPAQUE_COUNT;
    return OPAQUE_BASE + next_opaque;
}

static void watch(int fd, int change, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(poller, change, fd, &event) != 0)
        fail("epoll_ctl failed");
}

static void send_registration(struct broker *broker)
{
    size_t head_bytes = broker->pair->request_bytes;
    size_t total = head_bytes + broker->body->length;
    while (broker->sent < total) {
        size_t in_head = broker->sent < head_bytes ? broker->sent : head_bytes;
        size_t in_body = broker->sent - in_head;
        struct iovec parts[2] = {
            {broker->head + in_head, head_bytes - in_head},
            {(void *)(uintptr_t)(broker->body->bytes + in_body),
             broker->body->length - in_body},
        };
        ssize_t sent = writev(broker->fd, parts, 2);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno != EAGAIN)
                fail("a connection broke while a registration was sent");
            return;
        }
        broker->sent += (size_t)sent;
    }
    watch(broker->fd, EPOLL_CTL_MOD, EPOLLIN, broker);
}

static void begin_registration(uint32_t number, uint32_t round, uint64_t due_at)
{
    struct broker *broker = &brokers[number];
    uint32_t which = (rounds_done + round) % BODY_COUNT;
    broker->pair = &options.registrations.pairs[which * broker_count + number];
    broker->body = &options.bodies[which];
    broker->opaque = new_opaque();
    frames_write(broker->pair, broker->opaque, broker->head);
    broker->sent = broker->input_end = 0;
    broker->due_at = due_at;
    busy_brokers++;
    watch(broker->fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, broker);
}

static void take_registered(struct broker *broker)
{
    ssize_t got = read(broker->fd, broker->input + broker->input_end,
                       ANSWER_BYTES - broker->input_end);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            fail("the server closed a broker's connection");
        return;
    }
    broker->input_end += (size_t)got;
    if (broker->pair == NULL)
        return fail("a registration was answered twice");
    if (broker->input_end < broker->pair->answer_bytes)
        return;
    const char *fault = frame_fault(broker->pair, broker->input, broker->input_end, true);
    if (fault != NULL || frame_length(broker->input) != broker->input_end ||
        frame_opaque(broker->input, broker->input_end) != broker->opaque) {
        fprintf(stderr, "registration: %.*s\n", (int)broker->input_end - PREFIX_BYTES,
                (const char *)broker->input + PREFIX_BYTES);
        return fail(fault ? fault : "a registration has a wrong answer");
    }
    last_answer_at = now_nanos();
    histogram_add(&registering, last_answer_at - broker->due_at);
    broker->pair = NULL;
    busy_brokers--;
}

static void look_up(uint64_t now)
{
    static uint8_t request[ANSWER_BYTES];
    const struct pair *pair = &options.lookups.pairs[client.next];
    client.opaque = new_opaque();
    uint32_t length = frames_write(pair, client.opaque, request);
    client.sent_at = now;
    client.is_waiting = true;
    client.input_end = 0;
    if (write(client.fd, request, length) != (ssize_t)length)
        fail("a lookup could not be sent");
}

static void take_route(void)
{
    static const char found[] = "{\"code\":0,", unknown[] = "{\"code\":17,";
    ssize_t got = read(client.fd, client.input + client.input_end,
                       ROUTE_BYTES - client.input_end);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            fail("the server closed the client's connection");
        return;
    }
    client.input_end += (size_t)got;
    if (client.input_end < PREFIX_BYTES ||
        client.input_end < frame_length(client.input))
        return;
    uint64_t length = frame_length(client.input), now = now_nanos();
    const uint8_t *header = client.input + PREFIX_BYTES;
    if (!client.is_waiting || length != client.input_end ||
        frame_opaque(client.input, length) != client.opaque)
        return fail("a lookup has a wrong answer");
    if (memcmp(header, unknown, sizeof unknown - 1) == 0 && client.may_grow)
        client.unknown++;
    else if (memcmp(header, found, sizeof found - 1) != 0)
        return fail("a lookup was answered with a wrong code");
    uint32_t *before = &client.lengths[client.next];
    if (*before != 0 && *before != length && !client.may_grow)
        return fail("an answer changed its length: a broker was lost");
    *before = (uint32_t)length;
    histogram_add(&looking, now - client.sent_at);
    client.is_waiting = false;
    client.due_at = now + (uint64_t)options.gap_micros * 1000;
    client.next = (client.next + 1) % options.lookups.count;
}

static void serve_events(int millis)
{
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(poller, events, MOST_EVENTS, millis);
    for (int i = 0; i < count && failure == NULL; i++) {
        struct broker *broker = events[i].data.ptr;
        if (broker == NULL) {
            take_route();
            continue;
        }
        if (events[i].events & EPOLLOUT && broker->pair != NULL)
            send_registration(broker);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            take_registered(broker);
    }
}

static uint64_t due_time(const struct phase *phase, uint64_t begin, uint64_t task)
{
    return begin + task * phase->period_millis * 1000000 / broker_count;
}

static void run_tasks(const struct phase *phase, uint64_t begin)
{
    uint64_t next = 0, count = (uint64_t)phase->rounds * broker_count;
    uint64_t end = due_time(phase, begin, count), now = begin;
    last_answer_at = begin;
    while (failure == NULL && (next < count || busy_brokers || now < end)) {
        now = now_nanos();
        while (next < count && busy_brokers < options.in_flight &&
               brokers[next % broker_count].pair == NULL) {
            uint64_t due_at = due_time(phase, begin, next);
            if (due_at > now)
                break;
            begin_registration((uint32_t)(next % broker_count),
                               (uint32_t)(next / broker_count),
                               phase->period_millis ? due_at : now);
            next++;
        }
        if (!client.is_waiting && client.due_at <= now)
            look_up(now);
        if (now - last_answer_at > STALL_NANOS && busy_brokers)
            fail("no registration was answered for two minutes");
        serve_events(1);
    }
}

static double micros(const struct histogram *histogram, double quantile)
{
    return (double)histogram_at(histogram, quantile) / 1000;
}

static void report(const struct phase *phase, double seconds, double server_cpu)
{
    printf("{\"phase\": \"%s\", \"brokers\": %u, \"period_millis\": %u, "
           "\"registrations\": %llu, \"seconds\": %.3f, \"registrations_per_second\": "
           "%.1f, \"registration_p50_us\": %.1f, \"registration_p99_us\": %.1f, "
           "\"registration_max_us\": %.1f, ",
           phase->name, broker_count, phase->period_millis,
           (unsigned long long)registering.total, seconds,
           (double)registering.total / seconds, micros(&registering, 0.5),
           micros(&registering, 0.99), (double)registering.most / 1000);
    printf("\"lookups\": %llu, \"lookups_unknown\": %u, \"lookup_p50_us\": %.1f, "
           "\"lookup_p99_us\": %.1f, \"lookup_max_us\": %.1f, \"server_cpu_seconds\": "
           "%.3f, \"failure\": ",
           (unsigned long long)looking.total, client.unknown, micros(&looking, 0.5),
           micros(&looking, 0.99), (double)looking.most / 1000, server_cpu);
    printf(failure == NULL ? "null}\n" : "\"%s\"}\n", failure);
    fflush(stdout);
}

static void run_phase(const struct phase *phase, bool is_first)
{
    memset(&registering, 0, sizeof registering);
    memset(&looking, 0, sizeof looking);
    memset(client.lengths, 0, options.lookups.count * sizeof *client.lengths);
    client.unknown = 0;
    client.may_grow = is_first;
    double cpu = options.server_pid ? cpu_seconds(options.server_pid) : 0;
    uint64_t begin = now_nanos();
    client.due_at = begin;
    run_tasks(phase, begin);
    uint64_t end = last_answer_at;
    while (failure == NULL && client.is_waiting && now_nanos() < end + STALL_NANOS)
        serve_events(1);
    if (client.is_waiting)
        fail("the last lookup was not answered");
    if (options.server_pid)
        cpu = cpu_seconds(options.server_pid) - cpu;
    rounds_done += phase->rounds;
    report(phase, (double)(end - begin) / (double)NANOS_PER_SECOND, cpu);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "no memory for %zu x %zu bytes\n", count, size);
        exit(2);
    }
    return memory;
}

static void open_connections(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    broker_count = options.registrations.count / BODY_COUNT;
    brokers = allocate(broker_count, sizeof *brokers);
    for (uint32_t i = 0; i < broker_count; i++) {
        brokers[i].fd = connect_loopback(options.port);
        brokers[i].head = allocate(1, options.registrations.longest_request);
        watch(brokers[i].fd, EPOLL_CTL_ADD, EPOLLIN, &brokers[i]);
    }
    client.fd = connect_loopback(options.port);
    client.input = allocate(1, ROUTE_BYTES);
    client.lengths = allocate(options.lookups.count, sizeof *client.lengths);
    watch(client.fd, EPOLL_CTL_ADD, EPOLLIN, NULL);
}

int main(int count, char **words)
{
    char line[16];
    storm_options_read(count, words);
    if (options.registrations.longest_answer > ANSWER_BYTES ||
        options.lookups.longest_request > ANSWER_BYTES) {
        fprintf(stderr, "the frames are too long\n");
        return 2;
    }
    open_connections();
    for (uint32_t i = 0; i < options.phase_count && failure == NULL; i++) {
        if (fgets(line, sizeof line, stdin) == NULL)
            return 1;
        run_phase(&options.phases[i], i == 0);
    }
    /* The connections carry the brokers: they stay open until nobody looks any more. */
    if (failure == NULL && fgets(line, sizeof line, stdin) != NULL)
        return 1;
    return failure != NULL;
}
