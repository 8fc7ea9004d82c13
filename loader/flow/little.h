/* little.h: numbers of a fixed width, little-endian, as frames and spill files have them. Pure. */
#ifndef FLOW_LITTLE_H
#define FLOW_LITTLE_H

#include <stddef.h>
#include <stdint.h>

static inline void little_put(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static inline uint64_t little_get(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; i--) {
        value = value << 8 | from[i - 1];
    }
    return value;
}

#endif
