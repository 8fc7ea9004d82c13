/* spill_fixture.h: a spill in a directory of its own, and batches whose content is told by a seed.
 */
#ifndef TESTS_SPILL_FIXTURE_H
#define TESTS_SPILL_FIXTURE_H

#include "unit.h"

#include "base/rng.h"
#include "flow/spill.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM       ((size_t)8000)
#define SLOT_BYTES 8192u

static const unsigned char spill_key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static const unsigned char other_key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcdf";

struct spill_fixture {
    char dir[64];
    struct spill_options options;
    struct batch *in;
    struct batch *back;
};

static inline int spill_setup(void **state)
{
    struct spill_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sluice-spill-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->options = (struct spill_options){.dir = f->dir,
                                        .name = "job-1",
                                        .limit_bytes = 1u << 30,
                                        .batch_room = ROOM,
                                        .keep = true,
                                        .key = spill_key};
    f->in = batch_new(ROOM);
    f->back = batch_new(ROOM);
    *state = f;
    return f->in == NULL || f->back == NULL ? -1 : 0;
}

/* Everything that is in the directory; with remove they go. */
static inline int entries(const char *dir, bool remove)
{
    int count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) { /* NOLINT */
        if (e->d_name[0] != '.') {
            count++;
            assert_true(!remove || unlinkat(dirfd(d), e->d_name, 0) == 0);
        }
    }
    assert_int_equal(closedir(d), 0);
    return count;
}

static inline int spill_teardown(void **state)
{
    struct spill_fixture *f = *state;
    (void)entries(f->dir, true);
    assert_int_equal(rmdir(f->dir), 0);
    batch_free(f->in);
    batch_free(f->back);
    free(f);
    return 0;
}

static inline void empty(struct batch *b)
{
    if (b->state != BATCH_EMPTY) {
        batch_move(b, BATCH_EMPTY);
    }
    batch_move(b, BATCH_FILLING);
}

static inline void fill(struct batch *b, size_t len, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed);
    empty(b);
    for (size_t i = 0; i < len; i++) {
        b->bytes[i] = (char)(rng_next(&rng) >> 56);
    }
    b->content.bytes = (uint32_t)len;
    b->content.rows = seed;
    batch_seal(b);
    batch_move(b, BATCH_PACKING);
}

static inline struct spill *open_spill(const struct spill_fixture *f)
{
    struct err err = {0};
    struct spill *s = NULL;
    assert_true(spill_open(&f->options, &s, &err));
    return s;
}

static inline struct spill_slot write_spill(struct spill_fixture *f, struct spill *s, size_t len,
                                            uint64_t seed)
{
    struct err err = {0};
    struct spill_slot slot = {0};
    fill(f->in, len, seed);
    assert_int_equal(spill_write(s, f->in, &slot, &err), SPILL_WRITTEN);
    assert_int_equal(err.kind, ERR_NONE);
    batch_move(f->in, BATCH_EMPTY);
    return slot;
}

static inline void assert_reads(struct spill_fixture *f, struct spill *s,
                                const struct spill_slot *slot, size_t len, uint64_t seed)
{
    struct err err = {0};
    fill(f->in, len, seed);
    empty(f->back);
    assert_true(spill_read(s, slot, f->back, &err));
    assert_int_equal(f->back->state, BATCH_SEALED);
    assert_memory_equal(&f->back->content, &f->in->content, sizeof f->in->content);
    assert_memory_equal(f->back->bytes, f->in->bytes, len);
    assert_true(batch_verify(f->back, &err));
}

static inline void assert_damaged(struct spill_fixture *f, struct spill *s,
                                  const struct spill_slot *slot)
{
    struct err err = {0};
    empty(f->back);
    assert_false(spill_read(s, slot, f->back, &err));
    assert_int_equal(err.kind, ERR_DATA);
    assert_int_equal(f->back->state, BATCH_FILLING);
    assert_int_equal(f->back->content.bytes, 0);
}

/* A manifest whose head is "head" and whose body is the slots as they lie in memory. */
static inline void write_slots(struct spill *s, const struct spill_slot *slots, size_t count)
{
    struct err err = {0};
    struct buf head, body;
    buf_init(&head, 1024);
    buf_init(&body, 1u << 20);
    buf_puts(&head, "head");
    buf_add(&body, slots, count * sizeof *slots);
    assert_true(spill_sync(s, &err));
    assert_true(spill_write_manifest(s, &head, &body, &err));
    buf_free(&head);
    buf_free(&body);
}

static inline struct spill *reopen(const struct spill_fixture *f, struct spill_slot *slots,
                                   size_t count)
{
    struct err err = {0};
    struct spill *s = NULL;
    struct buf body;
    buf_init(&body, 1u << 20);
    assert_true(spill_reopen(&f->options, &s, &body, &err));
    assert_int_equal(body.len, count * sizeof *slots);
    if (count > 0) {
        memcpy(slots, body.data, body.len);
    }
    buf_free(&body);
    return s;
}

static inline enum err_kind reopen_kind(const struct spill_options *options)
{
    struct err err = {0};
    struct spill *s = NULL;
    struct buf body;
    buf_init(&body, 1u << 20);
    bool ok = spill_reopen(options, &s, &body, &err);
    assert_true(ok == (s != NULL) && (ok || body.len == 0));
    spill_close(s, true);
    buf_free(&body);
    return ok ? ERR_NONE : err.kind;
}

static inline const char *path_of(const struct spill_fixture *f, const char *suffix, char out[128])
{
    (void)snprintf(out, 128, "%s/%s%s", f->dir, f->options.name, suffix);
    return out;
}

static inline int open_file(const struct spill_fixture *f, const char *suffix)
{
    char path[128];
    int fd = open(path_of(f, suffix, path), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline size_t size_of(const struct spill_fixture *f, const char *suffix)
{
    char path[128];
    struct stat st;
    assert_int_equal(stat(path_of(f, suffix, path), &st), 0);
    return (size_t)st.st_size;
}

static inline void flip(int fd, size_t bit)
{
    unsigned char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte = (unsigned char)(byte ^ (1u << bit % 8));
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
}

#endif
