#include "histogram.h"

static uint64_t middle_of(uint64_t bucket)
{
    if (bucket < 2 * SUB_COUNT)
        return bucket;
    uint64_t shift = bucket / SUB_COUNT - 1;
    return ((bucket - shift * SUB_COUNT) << shift) + ((uint64_t)1 << shift) / 2;
}

uint64_t histogram_at(const struct histogram *histogram, double quantile)
{
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->total);
    uint64_t seen = 0;
    const uint64_t size = sizeof histogram->counts / sizeof *histogram->counts;
    if (histogram->total == 0)
        return 0;
    for (uint64_t bucket = 0; bucket < size; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > wanted) {
            uint64_t nanos = middle_of(bucket);
            return nanos < histogram->most ? nanos : histogram->most;
        }
    }
    return histogram->most;
}
