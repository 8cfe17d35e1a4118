/* Prepared requests and the answers that are expected to them.
 *
 * A frame file (little-endian, made by bench/driver/frame_file.py) is
 *     8 bytes "NSFRAME1", u32 count, and `count` times
 *     u32 request bytes, u32 offset of the opaque in it,
 *     u32 answer bytes,  u32 offset of the opaque in it, request, answer
 * An opaque is ten ASCII digits at both places, so every frame keeps its length.
 * No answer bytes: nothing is expected back (one-way).
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPAQUE_DIGITS = 10, PREFIX_BYTES = 8 };

/* Every opaque has ten digits and fits into a signed 32-bit integer. */
#define OPAQUE_BASE 1000000000u
#define OPAQUE_COUNT 1147483647u

struct pair {
    const uint8_t *request;
    const uint8_t *answer;
    const uint8_t *answer_head; /* up to the opaque; shared by equal neighbours, so that
                                   it stays in the cache whatever is asked */
    uint32_t request_bytes;
    uint32_t request_opaque_at;
    uint32_t answer_bytes;
    uint32_t answer_opaque_at;
};

struct frames {
    struct pair *pairs;
    uint32_t count;
    uint32_t longest_request;
    uint32_t longest_answer;
};

/* Reads a frame file; ends the program with a sentence when it is no such file. */
void frames_read(const char *path, struct frames *frames);

/* Copies a request and puts `opaque` into the copy; returns its length. */
uint32_t frames_write(const struct pair *pair, uint32_t opaque, uint8_t *place);

/* Length of the whole frame that begins at `bytes`, of which eight are there. */
uint64_t frame_length(const uint8_t *bytes);

/* The opaque of a whole answer frame with a JSON header, 0 when there is none. */
uint32_t frame_opaque(const uint8_t *frame, uint64_t length);

/* NULL when the answer is the expected one, else what is wrong with it.
 * Always compared: the length and the header up to the opaque, which holds the code.
 * `whole` compares every byte but the opaque. */
const char *frame_fault(const struct pair *pair, const uint8_t *frame,
                        uint64_t length, bool whole);

#endif
