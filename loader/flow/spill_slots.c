#include "flow/spill_slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u

void slots_free(struct slots *s)
{
    free(s->words);
    *s = (struct slots){0};
}

bool slots_grow(struct slots *s, uint64_t count)
{
    size_t needed = (size_t)((count + WORD_BITS - 1) / WORD_BITS);
    assert(count >= s->count);

    if (needed > s->words_count) {
        size_t room = needed < 2 * s->words_count ? 2 * s->words_count : needed;
        uint64_t *words = realloc(s->words, room * sizeof *words);
        if (words == NULL) {
            return false;
        }
        memset(words + s->words_count, 0, (room - s->words_count) * sizeof *words);
        s->words = words;
        s->words_count = room;
    }
    s->count = count;
    return true;
}

static bool is_taken(const struct slots *s, uint64_t number)
{
    return (s->words[number / WORD_BITS] >> (number % WORD_BITS) & 1u) != 0;
}

static void mark(struct slots *s, uint64_t number)
{
    s->words[number / WORD_BITS] |= UINT64_C(1) << (number % WORD_BITS);
    s->taken++;
}

bool slots_take(struct slots *s, uint64_t *number)
{
    if (s->taken == s->count) {
        return false;
    }
    size_t word = s->word_lowest;
    while (s->words[word] == UINT64_MAX) {
        word++;
    }
    s->word_lowest = word;
    uint64_t found = word * WORD_BITS + (unsigned)__builtin_ctzll(~s->words[word]);
    assert(found < s->count);
    mark(s, found);
    *number = found;
    return true;
}

bool slots_claim(struct slots *s, uint64_t number)
{
    if (number >= s->count || is_taken(s, number)) {
        return false;
    }
    mark(s, number);
    return true;
}

void slots_give(struct slots *s, uint64_t number)
{
    size_t word = (size_t)(number / WORD_BITS);
    assert(number < s->count && is_taken(s, number));

    s->words[word] &= ~(UINT64_C(1) << (number % WORD_BITS));
    s->taken--;
    if (word < s->word_lowest) {
        s->word_lowest = word;
    }
}
