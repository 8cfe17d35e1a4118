/* Closed-loop load: N connections, each with P requests under way at any time.
 *
 * Every answer is checked (frames.h), every SAMPLE-th one byte for byte. The first
 * fault ends the run, is reported as a failure and makes the exit code 1: a wrong
 * answer never counts as a fast one. Prints one line of JSON. Loopback only.
 *
 * Connection c asks the pairs c, c + N, c + 2 N, ... of the file, and around again.
 */
#include "frames.h"
#include "histogram.h"
#include "load_options.h"
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LEAST_INPUT_BYTES = 1 << 18, MOST_EVENTS = 512, PATIENCE_SECONDS = 10 };

struct slot {
    const struct pair *pair; /* NULL: nothing under way */
    uint64_t sent_at;
    uint32_t opaque;
    uint32_t generation;
};

struct connection {
    int fd;
    uint32_t next_pair;
    uint32_t oldest; /* slot of the oldest request, followed only when blind */
    struct slot *slots;
    uint8_t *input;
    size_t input_start, input_end;
    uint8_t *output;
    size_t output_start, output_end;
    bool is_blocked;
};

static struct connection *connections;
static struct histogram histogram;
static int poller;
static size_t input_capacity, output_capacity;
static uint64_t measure_from, measure_to;
static uint64_t answered, compared, heartbeats_sent, oneway_sent, checked;
static uint64_t unanswered;
static uint32_t heartbeat_share, next_heartbeat;
static const char *failure;

static void fail(const char *why)
{
    if (failure == NULL)
        failure = why;
}

static void fail_with_frame(const char *why, const uint8_t *frame, uint64_t length)
{
    if (failure == NULL) {
        fprintf(stderr, "%s: ", why);
        for (uint64_t i = 0; i < length && i < 300; i++)
            fputc(frame[i] >= ' ' && frame[i] < 127 ? frame[i] : '.', stderr);
        fputc('\n', stderr);
    }
    fail(why);
}

static void put(struct connection *connection, const struct pair *pair, uint32_t opaque)
{
    if (connection->output_end + pair->request_bytes > output_capacity) {
        connection->output_end -= connection->output_start;
        memmove(connection->output, connection->output + connection->output_start,
                connection->output_end);
        connection->output_start = 0;
    }
    connection->output_end +=
        frames_write(pair, opaque, connection->output + connection->output_end);
}

static uint32_t opaque_of(const struct slot *slot, uint32_t number)
{
    uint32_t generations = OPAQUE_COUNT / options.pipeline;
    return OPAQUE_BASE + slot->generation % generations * options.pipeline + number;
}

/* The request that is copied next; saves a tenth of the time in pipelined loads. */
static void fetch_early(const struct pair *pair)
{
    for (uint32_t place = 0; place < pair->request_bytes && place < 256; place += 64)
        __builtin_prefetch(pair->request + place);
}

static const struct pair *next_pair(struct connection *connection)
{
    heartbeat_share += options.heartbeat_percent;
    if (heartbeat_share >= 100) {
        heartbeat_share -= 100;
        const struct pair *pair = &options.heartbeats.pairs[next_heartbeat];
        next_heartbeat = (next_heartbeat + 1) % options.heartbeats.count;
        heartbeats_sent++;
        if (pair->answer_bytes)
            return pair;
        oneway_sent++;
        put(connection, pair, OPAQUE_BASE);
    }
    const struct pair *pair = &options.requests.pairs[connection->next_pair];
    connection->next_pair =
        (uint32_t)(((uint64_t)connection->next_pair + options.connections) %
                   options.requests.count);
    fetch_early(&options.requests.pairs[connection->next_pair]);
    return pair;
}

static void ask(struct connection *connection, uint32_t number, uint64_t now)
{
    struct slot *slot = &connection->slots[number];
    slot->pair = next_pair(connection);
    slot->generation++;
    slot->opaque = opaque_of(slot, number);
    slot->sent_at = now;
    put(connection, slot->pair, slot->opaque);
    unanswered++;
}

static void watch(struct connection *connection, bool blocked)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (blocked)
        event.events |= EPOLLOUT;
    connection->is_blocked = blocked;
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static void send_output(struct connection *connection)
{
    while (connection->output_start < connection->output_end) {
        ssize_t sent = write(connection->fd, connection->output + connection->output_start,
                             connection->output_end - connection->output_start);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno != EAGAIN)
                fail("a connection broke while a request was sent");
            else if (!connection->is_blocked)
                watch(connection, true);
            return;
        }
        connection->output_start += (size_t)sent;
    }
    connection->output_start = connection->output_end = 0;
    if (connection->is_blocked)
        watch(connection, false);
}

/* The slot that an answer belongs to, or NULL for an answer nobody waits for. */
static struct slot *slot_of(struct connection *connection, const uint8_t *frame,
                            uint64_t length, uint32_t *number)
{
    if (options.blind) {
        *number = connection->oldest;
        connection->oldest = (connection->oldest + 1) % options.pipeline;
    } else {
        uint32_t opaque = frame_opaque(frame, length);
        if (opaque < OPAQUE_BASE)
            return NULL;
        *number = (opaque - OPAQUE_BASE) % options.pipeline;
        if (connection->slots[*number].opaque != opaque)
            return NULL;
    }
    struct slot *slot = &connection->slots[*number];
    return slot->pair == NULL ? NULL : slot;
}

static void take_answer(struct connection *connection, const uint8_t *frame,
                        uint64_t length, uint64_t now)
{
    uint32_t number;
    struct slot *slot = slot_of(connection, frame, length, &number);
    if (slot == NULL) {
        fail_with_frame("an answer has an opaque that nobody waits for", frame, length);
        return;
    }
    const char *fault = NULL;
    if (options.blind) {
        if (length != slot->pair->answer_bytes)
            fault = "an answer has another length than the expected one";
    } else {
        bool whole = ++checked % options.sample == 0;
        compared += whole;
        fault = frame_fault(slot->pair, frame, length, whole);
    }
    if (fault != NULL) {
        fail_with_frame(fault, frame, length);
        return;
    }
    unanswered--;
    slot->pair = NULL;
    if (now >= measure_from && slot->sent_at < measure_to) {
        histogram_add(&histogram, now - slot->sent_at);
        answered += now < measure_to;
    }
    if (now < measure_to)
        ask(connection, number, now);
}

static void take_input(struct connection *connection)
{
    ssize_t got = read(connection->fd, connection->input + connection->input_end,
                       input_capacity - connection->input_end);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            fail("the server closed a connection");
        return;
    }
    uint64_t now = now_nanos();
    connection->input_end += (size_t)got;
    while (failure == NULL) {
        const uint8_t *frame = connection->input + connection->input_start;
        size_t there = connection->input_end - connection->input_start;
        if (there < PREFIX_BYTES)
            break;
        uint64_t length = frame_length(frame);
        if (length > input_capacity) {
            fail_with_frame("an answer is longer than any expected one", frame, there);
            return;
        }
        if (there < length)
            break;
        connection->input_start += length;
        take_answer(connection, frame, length, now);
    }
    if (connection->input_start == connection->input_end) {
        connection->input_start = connection->input_end = 0;
    } else if (connection->input_start > input_capacity / 2) {
        connection->input_end -= connection->input_start;
        memmove(connection->input, connection->input + connection->input_start,
                connection->input_end);
        connection->input_start = 0;
    }
    send_output(connection);
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
    uint32_t longest = options.requests.longest_answer;
    size_t request_bytes = options.requests.longest_request;
    if (options.heartbeat_percent) {
        request_bytes += options.heartbeats.longest_request;
        if (options.heartbeats.longest_answer > longest)
            longest = options.heartbeats.longest_answer;
    }
    input_capacity = 4 * (size_t)longest;
    if (input_capacity < LEAST_INPUT_BYTES)
        input_capacity = LEAST_INPUT_BYTES;
    output_capacity = 2 * request_bytes * options.pipeline;
    connections = allocate(options.connections, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < options.connections; i++) {
        struct connection *connection = &connections[i];
        connection->fd = connect_loopback(options.port);
        connection->next_pair = i % options.requests.count;
        connection->slots = allocate(options.pipeline, sizeof *connection->slots);
        connection->input = allocate(1, input_capacity);
        connection->output = allocate(1, output_capacity);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
            perror("epoll_ctl");
            exit(2);
        }
    }
}

static void serve_events(uint64_t now, uint64_t until)
{
    struct epoll_event events[MOST_EVENTS];
    int millis = (int)((until - now) / 1000000) + 1;
    int count = epoll_wait(poller, events, MOST_EVENTS, millis);
    for (int i = 0; i < count && failure == NULL; i++) {
        struct connection *connection = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            send_output(connection);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            take_input(connection);
    }
}

static void run_until(uint64_t end)
{
    uint64_t now;
    while (failure == NULL && (now = now_nanos()) < end)
        serve_events(now, end);
}

static void drain(uint64_t end)
{
    uint64_t now;
    while (failure == NULL && unanswered && (now = now_nanos()) < end)
        serve_events(now, end);
    if (unanswered)
        fail("requests were not answered within 10 s");
}

static double micros(double quantile)
{
    return (double)histogram_at(&histogram, quantile) / 1000;
}

static void report(double server_cpu, double own_cpu)
{
    double seconds = options.seconds;
    printf("{\"connections\": %u, \"pipeline\": %u, \"seconds\": %.3f, "
           "\"requests\": %llu, \"per_second\": %.1f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, ",
           options.connections, options.pipeline, seconds,
           (unsigned long long)answered, (double)answered / seconds, micros(0.5),
           micros(0.99), micros(0.999), (double)histogram.most / 1000);
    printf("\"heartbeats\": %llu, \"oneway\": %llu, \"compared\": %llu, "
           "\"server_cpu_seconds\": %.3f, \"generator_cpu_seconds\": %.3f, "
           "\"failures\": %d, \"failure\": ",
           (unsigned long long)heartbeats_sent, (unsigned long long)oneway_sent,
           (unsigned long long)compared, server_cpu, own_cpu, failure != NULL);
    printf(failure == NULL ? "null}\n" : "\"%s\"}\n", failure);
}

int main(int count, char **words)
{
    load_options_read(count, words);
    open_connections();
    uint64_t begin = now_nanos();
    measure_from = begin + (uint64_t)(options.warmup * (double)NANOS_PER_SECOND);
    measure_to = measure_from + (uint64_t)(options.seconds * (double)NANOS_PER_SECOND);
    for (uint32_t i = 0; i < options.connections && failure == NULL; i++) {
        for (uint32_t number = 0; number < options.pipeline; number++)
            ask(&connections[i], number, begin);
        send_output(&connections[i]);
    }
    run_until(measure_from);
    double server_cpu = options.server_pid ? cpu_seconds(options.server_pid) : 0;
    double own_cpu = cpu_seconds(getpid());
    run_until(measure_to);
    if (options.server_pid)
        server_cpu = cpu_seconds(options.server_pid) - server_cpu;
    own_cpu = cpu_seconds(getpid()) - own_cpu;
    drain(now_nanos() + PATIENCE_SECONDS * NANOS_PER_SECOND);
    report(server_cpu, own_cpu);
    return failure != NULL;
}
