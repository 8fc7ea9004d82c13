#include "aws/wipe.h"

#include "base/secret.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void wipe_free(void *memory)
{
    if (memory != NULL) {
        secret_wipe(memory, malloc_usable_size(memory));
    }
    free(memory);
}

/* Always moves: what realloc would do in place or leave behind cannot be known. */
void *wipe_realloc(void *memory, size_t size)
{
    void *moved = malloc(size == 0 ? 1 : size);

    if (moved == NULL || memory == NULL) {
        return moved;
    }
    size_t have = malloc_usable_size(memory);
    memcpy(moved, memory, have < size ? have : size);
    wipe_free(memory);
    return moved;
}
