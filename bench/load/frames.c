#include "frames.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "NSFRAME1";
static const char OPAQUE_NAME[] = "\"opaque\":";

static void refuse(const char *path, const char *why)
{
    fprintf(stderr, "%s is no frame file: %s\n", path, why);
    exit(2);
}

static uint32_t read_u32(const uint8_t *place)
{
    uint32_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static bool holds_opaque(uint32_t bytes, uint32_t at)
{
    return at >= PREFIX_BYTES && bytes >= OPAQUE_DIGITS && at <= bytes - OPAQUE_DIGITS;
}

static const uint8_t *shared_head(const struct pair *pair, const struct pair *before)
{
    uint32_t at = pair->answer_opaque_at;
    bool is_same = before != NULL && before->answer_opaque_at == at &&
                   memcmp(before->answer_head, pair->answer, at) == 0;
    return is_same ? before->answer_head : pair->answer;
}

void frames_read(const char *path, struct frames *frames)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        perror(path);
        exit(2);
    }
    size_t size = (size_t)status.st_size;
    if (size < sizeof MAGIC + 4)
        refuse(path, "it is too short");
    uint8_t *start = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    if (start == MAP_FAILED || memcmp(start, MAGIC, sizeof MAGIC) != 0)
        refuse(path, "it begins differently");
    const uint8_t *place = start + sizeof MAGIC + 4, *end = start + size;
    frames->count = read_u32(start + sizeof MAGIC);
    frames->pairs = calloc(frames->count, sizeof *frames->pairs);
    frames->longest_request = frames->longest_answer = 0;
    if (frames->count == 0 || frames->pairs == NULL)
        refuse(path, "it holds no frames");
    for (uint32_t i = 0; i < frames->count; i++) {
        struct pair *pair = &frames->pairs[i];
        if (end - place < 16)
            refuse(path, "it ends early");
        pair->request_bytes = read_u32(place);
        pair->request_opaque_at = read_u32(place + 4);
        pair->answer_bytes = read_u32(place + 8);
        pair->answer_opaque_at = read_u32(place + 12);
        pair->request = place + 16;
        pair->answer = pair->request + pair->request_bytes;
        if ((uint64_t)(end - pair->request) <
            (uint64_t)pair->request_bytes + pair->answer_bytes)
            refuse(path, "it ends early");
        place = pair->answer + pair->answer_bytes;
        if (!holds_opaque(pair->request_bytes, pair->request_opaque_at) ||
            (pair->answer_bytes &&
             !holds_opaque(pair->answer_bytes, pair->answer_opaque_at)))
            refuse(path, "an opaque lies outside of its frame");
        pair->answer_head = shared_head(pair, i > 0 ? pair - 1 : NULL);
        if (pair->request_bytes > frames->longest_request)
            frames->longest_request = pair->request_bytes;
        if (pair->answer_bytes > frames->longest_answer)
            frames->longest_answer = pair->answer_bytes;
    }
}

uint32_t frames_write(const struct pair *pair, uint32_t opaque, uint8_t *place)
{
    memcpy(place, pair->request, pair->request_bytes);
    uint8_t *digit = place + pair->request_opaque_at + OPAQUE_DIGITS;
    for (int i = 0; i < OPAQUE_DIGITS; i++) {
        *--digit = (uint8_t)('0' + opaque % 10);
        opaque /= 10;
    }
    return pair->request_bytes;
}

uint64_t frame_length(const uint8_t *bytes)
{
    return 4 + ((uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
                (uint64_t)bytes[2] << 8 | bytes[3]);
}

uint32_t frame_opaque(const uint8_t *frame, uint64_t length)
{
    const size_t name_length = sizeof OPAQUE_NAME - 1;
    uint64_t header_end = PREFIX_BYTES + ((uint64_t)frame[5] << 16 |
                                          (uint64_t)frame[6] << 8 | frame[7]);
    if (frame[4] != 0 || header_end > length)
        return 0;
    const uint8_t *end = frame + header_end;
    const uint8_t *name = memmem(frame + PREFIX_BYTES, header_end - PREFIX_BYTES,
                                 OPAQUE_NAME, name_length);
    if (name == NULL || (size_t)(end - name) < name_length + OPAQUE_DIGITS)
        return 0;
    uint64_t opaque = 0;
    for (size_t i = 0; i < OPAQUE_DIGITS; i++) {
        uint8_t digit = name[name_length + i];
        if (digit < '0' || digit > '9')
            return 0;
        opaque = opaque * 10 + (digit - '0');
    }
    return opaque < OPAQUE_BASE || opaque > UINT32_MAX ? 0 : (uint32_t)opaque;
}

const char *frame_fault(const struct pair *pair, const uint8_t *frame,
                        uint64_t length, bool whole)
{
    uint32_t at = pair->answer_opaque_at;
    if (length != pair->answer_bytes)
        return "an answer has another length than the expected one";
    if (memcmp(frame, pair->answer_head, at) != 0)
        return "the header of an answer differs before the opaque (code, flag)";
    at += OPAQUE_DIGITS;
    if (whole && memcmp(frame + at, pair->answer + at, length - at) != 0)
        return "the bytes of an answer differ after the opaque";
    return NULL;
}
