/* wipe.h: memory functions for libraries that take such: what they give back is overwritten first,
 * since a library copies secrets without knowing that they are some. Thread-safe. */
#ifndef AWS_WIPE_H
#define AWS_WIPE_H

#include <stddef.h>

/* For memory of malloc, calloc, realloc or strdup. */
void wipe_free(void *memory);
void *wipe_realloc(void *memory, size_t size);

#endif
