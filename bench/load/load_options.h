/* The command line of `load`. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "frames.h"

struct load_options {
    int port;
    int server_pid;            /* whose CPU time is measured; 0: nobody's */
    uint32_t connections;
    uint32_t pipeline;         /* requests under way on each connection */
    uint32_t sample;           /* every so manieth answer is compared whole */
    uint32_t heartbeat_percent;
    double seconds;            /* measured, after `warmup` seconds that are not */
    double warmup;
    bool blind;                /* answers carry no opaque: count them by length */
    struct frames requests;
    struct frames heartbeats;
};

extern struct load_options options;

/* Fills `options`; ends the program with a sentence when the words are wrong. */
void load_options_read(int count, char **words);

#endif
