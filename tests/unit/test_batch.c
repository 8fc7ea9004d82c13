/* batch: the legal moves, what a move to EMPTY forgets, alignment, and the checksum. */
#include "unit.h"

#include "flow/batch.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM ((size_t)256)

static int setup(void **state)
{
    *state = batch_new(ROOM);
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    batch_free(*state);
    return 0;
}

/* The diagram in batch.h, once more, by rows (from) and columns (to). */
static const char *const allowed[BATCH_STATES] = {
    /*                  EMPTY FILLING SEALED PACKING SENDING */
    [BATCH_EMPTY] = "-F---",   [BATCH_FILLING] = "E-S--", [BATCH_SEALED] = "E--PW",
    [BATCH_PACKING] = "E-S--", [BATCH_SENDING] = "E-S--",
};

static void takes_the_legal_moves(void **state)
{
    struct batch *b = *state;
    for (int from = 0; from < BATCH_STATES; from++) {
        for (int to = 0; to < BATCH_STATES; to++) {
            if (allowed[from][to] != '-') {
                b->state = (enum batch_state)from;
                batch_move(b, (enum batch_state)to);
                assert_int_equal(b->state, to);
            }
        }
    }
}

/* Whether the move ends a process, tried in a child. */
static bool move_dies(struct batch *b, int from, int to)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO); /* the assertion's own line */
        b->state = (enum batch_state)from;
        batch_move(b, (enum batch_state)to);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void refuses_the_other_moves(void **state)
{
    int refused = 0;
    for (int from = 0; from < BATCH_STATES; from++) {
        for (int to = 0; to < BATCH_STATES; to++) {
            bool dies = move_dies(*state, from, to);
            assert_int_equal(dies, allowed[from][to] == '-');
            refused += dies;
        }
    }
    assert_int_equal(refused, 15);
}

static void fill(struct batch *b, size_t bytes)
{
    batch_move(b, BATCH_FILLING);
    for (size_t i = 0; i < bytes; i++) {
        b->bytes[i] = (char)(i * 7);
    }
    b->content.bytes = (uint32_t)bytes;
    b->content.rows = 3;
}

static void empty_forgets_the_content(void **state)
{
    const struct content none = {0};
    struct batch *b = *state;
    fill(b, ROOM);
    batch_seal(b);
    batch_move(b, BATCH_EMPTY);
    assert_memory_equal(&b->content, &none, sizeof none);
    assert_int_equal(b->room, ROOM);
}

static void sealing_completes_the_content(void **state)
{
    struct batch *b = *state;
    fill(b, 100);
    batch_seal(b);
    assert_int_equal(b->state, BATCH_SEALED);
    assert_int_equal(b->content.rows, 3);
    assert_int_equal(b->content.bytes, 100);
    assert_int_equal(b->content.raw_bytes, 100);
    assert_int_equal(b->content.checksum, batch_checksum(b->bytes, 100));
}

static void sealing_keeps_what_packing_counted(void **state)
{
    struct batch *b = *state;
    fill(b, 100);
    b->content.frames = 2;
    b->content.raw_bytes = 400;
    batch_seal(b);
    assert_int_equal(b->content.raw_bytes, 400);
}

static void a_replay_keeps_the_checksum(void **state)
{
    struct err err = {0};
    struct batch *b = *state;
    fill(b, ROOM);
    batch_seal(b);
    struct content sealed = b->content;
    batch_move(b, BATCH_SENDING);
    batch_move(b, BATCH_SEALED);
    assert_memory_equal(&b->content, &sealed, sizeof sealed);
    assert_true(batch_verify(b, &err));
}

static void every_changed_bit_is_found(void **state)
{
    struct batch *b = *state;
    fill(b, ROOM);
    batch_seal(b);
    for (size_t bit = 0; bit < 8 * ROOM; bit++) {
        struct err err = {0};
        b->bytes[bit / 8] = (char)(b->bytes[bit / 8] ^ (1 << bit % 8));
        assert_false(batch_verify(b, &err));
        assert_int_equal(err.kind, ERR_DATA);
        b->bytes[bit / 8] = (char)(b->bytes[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(batch_verify(b, &(struct err){0}));
}

static void a_lost_byte_is_found(void **state)
{
    struct err err = {0};
    struct batch *b = *state;
    fill(b, ROOM);
    b->bytes[ROOM - 1] = 0;
    batch_seal(b);
    b->content.bytes--;
    assert_false(batch_verify(b, &err));
}

/* XXH3's own value for no bytes with seed 0: it must not change from one build to the next, since
 * a spill file outlives a process. */
static void the_checksum_is_xxh3(void **state)
{
    (void)state;
    assert_int_equal(batch_checksum("", 0), UINT64_C(0x2D06800538D394C2));
}

static void memory_is_aligned_and_counted(void **state)
{
    (void)state;
    static const size_t rooms[] = {1, 63, 64, 65, 4096, 262144, 16u << 20};
    for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
        struct batch *b = batch_new(rooms[i]);
        assert_non_null(b);
        assert_int_equal((uintptr_t)b->bytes % 64, 0);
        assert_int_equal(b->state, BATCH_EMPTY);
        assert_int_equal(b->room, rooms[i]);
        assert_null(b->next);
        assert_true(batch_memory_bytes(rooms[i]) >= sizeof *b + rooms[i] + BATCH_SLACK_BYTES);
        assert_true(batch_memory_bytes(rooms[i]) < sizeof *b + rooms[i] + 128);
        memset(b->bytes, 1, rooms[i] + BATCH_SLACK_BYTES); /* ASan sees one too many */
        batch_free(b);
    }
    batch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_the_legal_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_the_other_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_forgets_the_content, setup, teardown),
        cmocka_unit_test_setup_teardown(sealing_completes_the_content, setup, teardown),
        cmocka_unit_test_setup_teardown(sealing_keeps_what_packing_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replay_keeps_the_checksum, setup, teardown),
        cmocka_unit_test_setup_teardown(every_changed_bit_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_byte_is_found, setup, teardown),
        cmocka_unit_test(the_checksum_is_xxh3),
        cmocka_unit_test(memory_is_aligned_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
