/* Latencies in nanoseconds, kept in buckets at most 1/128 apart. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { SUB_BITS = 7, SUB_COUNT = 1 << SUB_BITS };

struct histogram {
    uint64_t counts[(64 - SUB_BITS + 1) * SUB_COUNT];
    uint64_t total;
    uint64_t most;
};

static inline void histogram_add(struct histogram *histogram, uint64_t nanos)
{
    uint64_t bucket = nanos;
    if (nanos >= 2 * SUB_COUNT) {
        int shift = 63 - SUB_BITS - __builtin_clzll(nanos);
        bucket = (uint64_t)shift * SUB_COUNT + (nanos >> shift);
    }
    histogram->counts[bucket]++;
    histogram->total++;
    if (nanos > histogram->most)
        histogram->most = nanos;
}

/* The latency below which a share of `quantile` (0 to 1) lies; 0 without any. */
uint64_t histogram_at(const struct histogram *histogram, double quantile);

#endif
