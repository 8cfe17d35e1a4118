#include "load_options.h"

#include "measure.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct load_options options = {
    .connections = 1, .pipeline = 1, .sample = 64, .seconds = 1};

static const char USAGE[] =
    "usage: load --port N --requests FILE [--connections N] [--pipeline P]\n"
    "            [--seconds S] [--warmup S] [--sample K] [--server-pid PID] [--blind]\n"
    "            [--heartbeats FILE --heartbeat-percent N]\n";

static const struct option KNOWN[] = {
    {"port", required_argument, NULL, 'p'},
    {"requests", required_argument, NULL, 'r'},
    {"connections", required_argument, NULL, 'c'},
    {"pipeline", required_argument, NULL, 'P'},
    {"seconds", required_argument, NULL, 's'},
    {"warmup", required_argument, NULL, 'w'},
    {"sample", required_argument, NULL, 'k'},
    {"heartbeats", required_argument, NULL, 'H'},
    {"heartbeat-percent", required_argument, NULL, 'h'},
    {"server-pid", required_argument, NULL, 'i'},
    {"blind", no_argument, NULL, 'b'},
    {NULL, 0, NULL, 0},
};

static uint32_t whole(const char *name, double least)
{
    return (uint32_t)number_option(name, optarg, least);
}

static void take(int letter, const char *name)
{
    switch (letter) {
    case 'p': options.port = (int)whole(name, 1); break;
    case 'r': frames_read(optarg, &options.requests); break;
    case 'c': options.connections = whole(name, 1); break;
    case 'P': options.pipeline = whole(name, 1); break;
    case 's': options.seconds = number_option(name, optarg, 0.001); break;
    case 'w': options.warmup = number_option(name, optarg, 0); break;
    case 'k': options.sample = whole(name, 1); break;
    case 'H': frames_read(optarg, &options.heartbeats); break;
    case 'h': options.heartbeat_percent = whole(name, 0); break;
    case 'i': options.server_pid = (int)whole(name, 1); break;
    case 'b': options.blind = true; break;
    default: exit(2);
    }
}

void load_options_read(int count, char **words)
{
    int letter, index = 0;
    while ((letter = getopt_long(count, words, "", KNOWN, &index)) != -1)
        take(letter, letter == '?' ? "" : KNOWN[index].name);
    bool no_heartbeats = options.heartbeat_percent && !options.heartbeats.count;
    if (!options.port || !options.requests.count || options.heartbeat_percent > 100 ||
        no_heartbeats || optind < count) {
        fputs(USAGE, stderr);
        exit(2);
    }
}
