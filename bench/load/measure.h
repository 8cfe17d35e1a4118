/* Clocks and sockets that the generators share. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

#define NANOS_PER_SECOND 1000000000ull

/* Monotonic nanoseconds. */
uint64_t now_nanos(void);

/* CPU seconds (user and system) that a process has used, from /proc/PID/stat;
 * negative when there is no such process. */
double cpu_seconds(int pid);

/* A non-blocking connection to 127.0.0.1 without Nagle's delay; ends the program with
 * a sentence when nobody listens. */
int connect_loopback(int port);

/* A number given on the command line; ends the program when it is none or too small. */
double number_option(const char *name, const char *text, double least);

#endif
