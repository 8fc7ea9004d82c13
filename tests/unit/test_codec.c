/* codec: what is packed comes back the same at every level, full batches always fit, and damage in
 * any byte is found without touching anything outside. */
#include "unit.h"

#include "base/rng.h"
#include "flow/codec.h"

#include <stdio.h>
#include <string.h>

#define ROOM   65536u
#define HEADER 40u /* of a frame; the last four bytes are its checksum */

struct fixture {
    struct codec *codec;
    struct batch *from;
    struct batch *packed;
    struct batch *back;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){codec_new(), batch_new(ROOM), batch_new(ROOM), batch_new(ROOM)};
    *state = &f;
    return f.codec == NULL || f.from == NULL || f.packed == NULL || f.back == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    codec_free(f->codec);
    batch_free(f->from);
    batch_free(f->packed);
    batch_free(f->back);
    return 0;
}

enum kind { TEXT, NOISE, ZEROS };

static void fill_bytes(char *bytes, size_t len, enum kind kind, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed);
    memset(bytes, 0, len);
    for (size_t i = 0; i < len && kind != ZEROS; i++) {
        uint64_t r = rng_next(&rng) >> 33;
        bytes[i] = "0123456789\tabc\n"[r % 15];
        if (kind == NOISE) {
            bytes[i] = (char)r;
        }
    }
}

static void start(struct batch *b)
{
    if (b->state != BATCH_EMPTY) {
        batch_move(b, BATCH_EMPTY);
    }
    batch_move(b, BATCH_FILLING);
}

static void seal(struct batch *b, size_t len, enum kind kind, uint64_t seed)
{
    start(b);
    fill_bytes(b->bytes, len, kind, seed);
    b->content.bytes = (uint32_t)len;
    b->content.rows = len / 10;
    batch_seal(b);
}

static void assert_same(const struct batch *a, const struct batch *b)
{
    assert_int_equal(b->state, BATCH_SEALED);
    assert_memory_equal(&a->content, &b->content, sizeof a->content);
    assert_memory_equal(a->bytes, b->bytes, a->content.bytes);
}

static void pack(struct fixture *f, int level)
{
    struct err err = {0};
    assert_int_equal(codec_pack(f->codec, level, f->from, f->packed, &err), CODEC_PACKED);
    assert_int_equal(err.kind, ERR_NONE);
}

static void unpack(struct fixture *f, size_t *at)
{
    struct err err = {0};
    start(f->back);
    assert_true(codec_unpack(f->codec, f->packed, at, f->back, &err));
}

/* One batch there and back; returns what it took. */
static size_t round_trip(struct fixture *f, int level, size_t len, enum kind kind)
{
    struct err err = {0};
    size_t at = 0;
    seal(f->from, len, kind, len + (size_t)level);
    start(f->packed);
    pack(f, level);
    assert_int_equal(f->packed->content.frames, 1);
    assert_int_equal(f->packed->content.rows, f->from->content.rows);
    assert_int_equal(f->packed->content.raw_bytes, len);
    batch_seal(f->packed);
    assert_true(batch_verify(f->packed, &err));
    assert_int_equal(f->packed->content.raw_bytes, len);
    unpack(f, &at);
    assert_int_equal(at, f->packed->content.bytes);
    assert_same(f->from, f->back);
    return f->packed->content.bytes;
}

static void comes_back_at_every_level(void **state)
{
    static const size_t lens[] = {0, 1, 2, 39, 40, 41, 1000, ROOM / 2, ROOM - 1, ROOM};
    for (int level = CODEC_LEVEL_STORED; level <= CODEC_LEVEL_MAX; level++) {
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            size_t text = round_trip(*state, level, lens[i], TEXT);
            size_t noise = round_trip(*state, level, lens[i], NOISE);
            size_t zeros = round_trip(*state, level, lens[i], ZEROS);
            bool shrinks = level != CODEC_LEVEL_STORED && lens[i] >= 1000;
            assert_int_equal(noise, lens[i] + HEADER);
            assert_int_equal(text < lens[i], shrinks);
            assert_int_equal(zeros < lens[i], shrinks);
        }
    }
}

/* 2 % of zeros between noise are not worth unpacking for. */
static void a_frame_that_hardly_shrinks_is_stored(void **state)
{
    struct fixture *f = *state;
    seal(f->from, ROOM, NOISE, 1);
    memset(f->from->bytes + 5000, 0, ROOM / 50);
    f->from->content.checksum = batch_checksum(f->from->bytes, ROOM);
    start(f->packed);
    pack(f, 3);
    assert_int_equal(f->packed->content.bytes, ROOM + HEADER);

    memset(f->from->bytes + 5000, 0, ROOM / 20);
    f->from->content.checksum = batch_checksum(f->from->bytes, ROOM);
    start(f->packed);
    pack(f, 3);
    assert_true(f->packed->content.bytes < ROOM - ROOM / 25);
}

static void many_small_batches_share_one(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    size_t at = 0;
    uint32_t count = 0;
    uint64_t raw = 0;
    start(f->packed);
    for (;;) {
        seal(f->from, 200 + count % 50, TEXT, count);
        batch_move(f->from, BATCH_PACKING);
        struct content before = f->packed->content;
        if (codec_pack(f->codec, 1, f->from, f->packed, &err) == CODEC_NO_ROOM) {
            assert_memory_equal(&before, &f->packed->content, sizeof before);
            break;
        }
        raw += f->from->content.bytes;
        count++;
    }
    assert_int_equal(err.kind, ERR_NONE);
    assert_true(count > 300);
    assert_int_equal(f->packed->content.frames, count);
    assert_int_equal(f->packed->content.raw_bytes, raw);
    batch_seal(f->packed);

    for (uint32_t i = 0; i < count; i++) {
        seal(f->from, 200 + i % 50, TEXT, i);
        unpack(f, &at);
        assert_same(f->from, f->back);
    }
    assert_int_equal(at, f->packed->content.bytes);
}

/* No room for the second leaves the first, and the second fits an empty one. */
static void no_room_leaves_all_as_it_was(void **state)
{
    struct fixture *f = *state;
    for (int level = 0; level <= 3; level += 3) {
        struct err err = {0};
        size_t at = 0;
        seal(f->from, ROOM, NOISE, 5);
        start(f->packed);
        pack(f, level);
        assert_int_equal(codec_pack(f->codec, level, f->from, f->packed, &err), CODEC_NO_ROOM);
        assert_int_equal(f->packed->content.frames, 1);
        assert_int_equal(err.kind, ERR_NONE);
        unpack(f, &at);
        assert_same(f->from, f->back);
        start(f->packed);
        pack(f, level);
    }
}

/* Noise that does not fit leaves zstd in the middle of a frame. */
static void the_level_may_change_after_a_frame_that_did_not_fit(void **state)
{
    for (int level = 1; level <= 9; level += 4) {
        assert_int_equal(round_trip(*state, level, ROOM, NOISE), ROOM + HEADER);
    }
}

/* A guess from noise must not keep a later batch, that shrinks well, out of an empty one. */
static void a_bad_guess_never_refuses_an_empty_one(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        (void)round_trip(f, 3, ROOM, NOISE);
    }
    assert_true(round_trip(f, 3, ROOM, ZEROS) < ROOM / 10);
}

static void leaves_room_for_the_tag(void **state)
{
    assert_true(round_trip(*state, 0, ROOM, NOISE) + 16 <= ROOM + BATCH_SLACK_BYTES);
}

static void rows_that_changed_are_not_packed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    seal(f->from, 1000, TEXT, 1);
    f->from->bytes[500] ^= 1;
    start(f->packed);
    assert_int_equal(codec_pack(f->codec, 3, f->from, f->packed, &err), CODEC_FAILED);
    assert_int_equal(err.kind, ERR_DATA);
    assert_int_equal(f->packed->content.bytes, 0);
    assert_int_equal(f->packed->content.frames, 0);
}

static void expect_damage(struct fixture *f, size_t at)
{
    struct err err = {0};
    size_t before = at;
    start(f->back);
    assert_false(codec_unpack(f->codec, f->packed, &at, f->back, &err));
    assert_int_equal(err.kind, ERR_DATA);
    assert_int_equal(at, before);
    assert_int_equal(f->back->state, BATCH_FILLING);
    assert_int_equal(f->back->content.bytes, 0);
}

static void every_damaged_bit_is_found(void **state)
{
    struct fixture *f = *state;
    for (int level = 0; level <= 3; level += 3) {
        (void)round_trip(f, level, 300, TEXT);
        for (size_t bit = 0; bit < 8 * (size_t)f->packed->content.bytes; bit++) {
            struct err err = {0};
            size_t at = 0;
            f->packed->bytes[bit / 8] = (char)(f->packed->bytes[bit / 8] ^ (1 << bit % 8));
            start(f->back);
            if (codec_unpack(f->codec, f->packed, &at, f->back, &err)) {
                /* A bit that zstd does not use: then the rows are still the rows. */
                assert_int_equal(level, 3);
                assert_same(f->from, f->back);
            } else {
                assert_int_equal(err.kind, ERR_DATA);
            }
            f->packed->bytes[bit / 8] = (char)(f->packed->bytes[bit / 8] ^ (1 << bit % 8));
        }
    }
}

static void every_cut_is_found(void **state)
{
    struct fixture *f = *state;
    for (int level = 0; level <= 3; level += 3) {
        size_t len = round_trip(f, level, 300, TEXT);
        for (size_t cut = 0; cut < len; cut++) {
            f->packed->content.bytes = (uint32_t)cut;
            expect_damage(f, 0);
        }
        f->packed->content.bytes = (uint32_t)len;
        expect_damage(f, len);
        expect_damage(f, len + 1);
        expect_damage(f, SIZE_MAX);
    }
}

static void mend_header(struct batch *packed)
{
    uint64_t sum = batch_checksum(packed->bytes, HEADER - 4);
    for (size_t n = 0; n < 4; n++) {
        packed->bytes[HEADER - 4 + n] = (char)(sum >> (8 * n));
    }
}

/* Fields that lie, one at a time: offset, width, value. */
static void lies_in_the_header_are_found(void **state)
{
    static const struct {
        size_t at;
        size_t width;
        uint64_t value;
    } lies[] = {
        {0,  8, 301       }, /* more rows than bytes */
        {0,  8, UINT64_MAX},
        {8,  8, 299       }, /* raw_bytes are not bytes */
        {24, 4, 301       },
        {24, 4, 299       },
        {24, 4, ROOM + 1  },
        {24, 4, UINT32_MAX},
        {28, 4, 1         }, /* frames in a frame */
        {32, 4, 0         },
        {32, 4, 301       },
        {32, 4, UINT32_MAX},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        (void)round_trip(f, 0, 300, TEXT);
        for (size_t n = 0; n < lies[i].width; n++) {
            f->packed->bytes[lies[i].at + n] = (char)(lies[i].value >> (8 * n));
        }
        expect_damage(f, 0); /* by the header's checksum, and then by the lie itself */
        mend_header(f->packed);
        expect_damage(f, 0);
    }
}

/* A whole batch bigger than the one that it is unpacked into. */
static void a_smaller_batch_is_not_overrun(void **state)
{
    struct fixture *f = *state;
    struct batch *small = batch_new(256);
    for (int level = 0; level <= 3; level += 3) {
        struct err err = {0};
        size_t at = 0;
        (void)round_trip(f, level, 257, ZEROS);
        start(small);
        assert_false(codec_unpack(f->codec, f->packed, &at, small, &err));
        assert_int_equal(err.kind, ERR_DATA);
    }
    batch_free(small);
}

static void memory_is_reported_and_bounded(void **state)
{
    struct fixture *f = *state;
    size_t none = codec_memory_bytes(f->codec);
    assert_true(none < 1024);
    (void)round_trip(f, 1, ROOM, TEXT);
    size_t fast = codec_memory_bytes(f->codec);
    assert_true(fast > 65536 && fast < 4u << 20);
    (void)round_trip(f, 1, ROOM, TEXT);
    assert_int_equal(codec_memory_bytes(f->codec), fast); /* reused */
    for (int level = 2; level <= CODEC_LEVEL_MAX; level++) {
        (void)round_trip(f, level, ROOM, TEXT);
        assert_true(codec_memory_bytes(f->codec) < 8u << 20);
    }
    codec_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_at_every_level, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_hardly_shrinks_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_batches_share_one, setup, teardown),
        cmocka_unit_test_setup_teardown(no_room_leaves_all_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(the_level_may_change_after_a_frame_that_did_not_fit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_bad_guess_never_refuses_an_empty_one, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_room_for_the_tag, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_that_changed_are_not_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(every_damaged_bit_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(lies_in_the_header_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_smaller_batch_is_not_overrun, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_reported_and_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
