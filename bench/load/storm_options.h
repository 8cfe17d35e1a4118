/* The command line of `storm`. */
#ifndef STORM_OPTIONS_H
#define STORM_OPTIONS_H

#include "frames.h"

enum { MOST_PHASES = 8, BODY_COUNT = 2 };

struct phase {
    char name[32];
    uint32_t rounds;        /* how often every broker registers */
    uint32_t period_millis; /* a round is spread over this; 0: as fast as possible */
};

struct body {
    const uint8_t *bytes;
    size_t length;
};

struct storm_options {
    int port;
    int server_pid;
    uint32_t in_flight;           /* registrations under way at a time, at most */
    uint32_t gap_micros;          /* between an answered lookup and the next one */
    struct frames registrations;  /* frames up to their body: all brokers with the
                                     first body, then all with the second one */
    struct frames lookups;
    struct body bodies[BODY_COUNT];
    struct phase phases[MOST_PHASES];
    uint32_t body_count;
    uint32_t phase_count;
};

extern struct storm_options options;

/* Fills `options`; ends the program with a sentence when the words are wrong. */
void storm_options_read(int count, char **words);

#endif
