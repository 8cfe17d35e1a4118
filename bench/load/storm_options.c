#include "storm_options.h"

#include "measure.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct storm_options options = {.in_flight = 8, .gap_micros = 1000};

static const char USAGE[] =
    "usage: storm --port N --registrations FILE --body FILE --body FILE\n"
    "             --lookups FILE --phase NAME:ROUNDS:PERIOD_MILLIS ...\n"
    "             [--in-flight N] [--gap-micros N] [--server-pid PID]\n"
    "A line on standard input starts the next phase.\n";

static const struct option KNOWN[] = {
    {"port", required_argument, NULL, 'p'},
    {"registrations", required_argument, NULL, 'r'},
    {"body", required_argument, NULL, 'b'},
    {"lookups", required_argument, NULL, 'l'},
    {"phase", required_argument, NULL, 'P'},
    {"in-flight", required_argument, NULL, 'f'},
    {"gap-micros", required_argument, NULL, 'g'},
    {"server-pid", required_argument, NULL, 'i'},
    {NULL, 0, NULL, 0},
};

static void refuse(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static void read_body(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (options.body_count == BODY_COUNT)
        refuse();
    struct body *body = &options.bodies[options.body_count++];
    if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0) {
        perror(path);
        exit(2);
    }
    body->length = (size_t)status.st_size;
    body->bytes = mmap(NULL, body->length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    if (body->bytes == MAP_FAILED) {
        perror(path);
        exit(2);
    }
}

static void read_phase(const char *text)
{
    if (options.phase_count == MOST_PHASES)
        refuse();
    struct phase *phase = &options.phases[options.phase_count++];
    if (sscanf(text, "%31[a-z]:%u:%u", phase->name, &phase->rounds,
               &phase->period_millis) != 3 || phase->rounds == 0)
        refuse();
}

static void take(int letter, const char *name)
{
    switch (letter) {
    case 'p': options.port = (int)number_option(name, optarg, 1); break;
    case 'r': frames_read(optarg, &options.registrations); break;
    case 'b': read_body(optarg); break;
    case 'l': frames_read(optarg, &options.lookups); break;
    case 'P': read_phase(optarg); break;
    case 'f': options.in_flight = (uint32_t)number_option(name, optarg, 1); break;
    case 'g': options.gap_micros = (uint32_t)number_option(name, optarg, 0); break;
    case 'i': options.server_pid = (int)number_option(name, optarg, 1); break;
    default: refuse();
    }
}

void storm_options_read(int count, char **words)
{
    int letter, index = 0;
    while ((letter = getopt_long(count, words, "", KNOWN, &index)) != -1)
        take(letter, letter == '?' ? "" : KNOWN[index].name);
    if (!options.port || !options.registrations.count || !options.lookups.count ||
        options.body_count != BODY_COUNT || !options.phase_count ||
        options.registrations.count % BODY_COUNT || optind < count)
        refuse();
}
