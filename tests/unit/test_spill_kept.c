/* spill: what is kept for another process, and every way in which it may have been damaged. */
#include "spill_fixture.h"

#include <errno.h>
#include <sys/wait.h>

#define KEPT 5

static void keep_some(struct spill_fixture *f, struct spill_slot slots[KEPT])
{
    struct spill *s = open_spill(f);
    for (size_t i = 0; i < KEPT; i++) {
        slots[i] = write_spill(f, s, 100 * i, i);
    }
    write_slots(s, slots, KEPT);
    spill_close(s, true);
}

static void another_process_goes_on(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    struct spill_slot back[KEPT];
    struct err err = {0};
    keep_some(f, slots);
    struct spill *s = reopen(f, back, KEPT);
    assert_memory_equal(slots, back, sizeof slots);
    assert_int_equal(spill_stats(s).bytes_used, 0);
    for (size_t i = 0; i < KEPT; i++) {
        if (i != 2) {
            assert_true(spill_claim(s, &back[i], &err));
            assert_false(spill_claim(s, &back[i], &err));
            assert_int_equal(err.kind, ERR_DATA);
        }
    }
    assert_int_equal(spill_stats(s).bytes_used, 4 * SLOT_BYTES);
    struct spill_slot added = write_spill(f, s, 300, 77);
    assert_int_equal(added.number, 2); /* which nobody claimed */
    for (size_t i = 0; i < KEPT; i++) {
        assert_true(added.nonce > back[i].nonce);
        if (i != 2) {
            assert_reads(f, s, &back[i], 100 * i, i);
        }
    }
    assert_reads(f, s, &added, 300, 77);
    assert_damaged(f, s, &back[2]); /* overwritten */
    spill_close(s, false);
    assert_int_equal(entries(f->dir, false), 0);
}

/* A process that writes and dies again and again, with and without a manifest of its own: no nonce
 * comes twice under one key, which shows as no two equal beginnings of equal rows. */
static void no_nonce_comes_twice_over_many_lives(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slot = {0};
    unsigned char seen[12][64];
    struct spill *s = open_spill(f);
    write_slots(s, NULL, 0);
    spill_close(s, true);
    for (int life = 0; life < 12; life++) {
        struct spill_slot before = slot;
        s = reopen(f, &before, life > 0);
        slot = write_spill(f, s, 64, 4);
        int fd = open_file(f, ".spill");
        assert_int_equal(pread(fd, seen[life], 64, (off_t)(slot.number * SLOT_BYTES)), 64);
        (void)close(fd);
        for (int other = 0; other < life; other++) {
            assert_memory_not_equal(seen[life], seen[other], 64);
        }
        if (life % 3 == 0) {
            write_slots(s, &slot, 1);
        }
        spill_close(s, true);
    }
}

/* What a child wrote and told of before it died without a word. */
static void a_killed_process_leaves_what_it_synced(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot back[KEPT];
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct spill_slot slots[KEPT];
        struct spill *s = open_spill(f);
        for (size_t i = 0; i < KEPT; i++) {
            slots[i] = write_spill(f, s, ROOM - i, i);
        }
        write_slots(s, slots, KEPT);
        (void)write_spill(f, s, 10, 10); /* after the manifest: nobody will know of it */
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct spill *s = reopen(f, back, KEPT);
    for (size_t i = 0; i < KEPT; i++) {
        assert_true(spill_claim(s, &back[i], &(struct err){0}));
        assert_reads(f, s, &back[i], ROOM - i, i);
    }
    assert_int_equal(write_spill(f, s, 10, 10).number, KEPT);
    spill_close(s, true);
}

static void the_last_manifest_counts(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    struct spill_slot back[KEPT];
    struct spill *s = open_spill(f);
    for (size_t i = 0; i < KEPT; i++) {
        slots[i] = write_spill(f, s, 10, i);
        write_slots(s, slots, i + 1);
    }
    spill_close(s, true);
    assert_int_equal(entries(f->dir, false), 2);
    s = reopen(f, back, KEPT);
    assert_memory_equal(slots, back, sizeof slots);
    spill_close(s, true);
}

static void a_key_opens_only_its_own(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    keep_some(f, slots);
    f->options.key = other_key;
    assert_int_equal(reopen_kind(&f->options), ERR_USAGE);
    f->options.key = spill_key;
    f->options.batch_room = ROOM + 1;
    assert_int_equal(reopen_kind(&f->options), ERR_USAGE);
    f->options.batch_room = ROOM;
    assert_int_equal(reopen_kind(&f->options), ERR_NONE);
}

static void what_is_missing_is_usage(void **state)
{
    struct spill_fixture *f = *state;
    char path[128];
    struct spill_slot slots[KEPT];
    assert_int_equal(reopen_kind(&f->options), ERR_USAGE);
    keep_some(f, slots);
    assert_int_equal(unlink(path_of(f, ".manifest", path)), 0);
    assert_int_equal(reopen_kind(&f->options), ERR_USAGE);
    keep_some(f, slots);
    assert_int_equal(unlink(path_of(f, ".spill", path)), 0);
    assert_int_equal(reopen_kind(&f->options), ERR_USAGE);
}

static void the_head_needs_no_key(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    struct err err = {0};
    struct buf head;
    bool found = true;
    buf_init(&head, 1024);
    assert_true(spill_read_head(f->dir, "job-1", &found, &head, &err));
    assert_false(found);
    assert_int_equal(head.len, 0);
    keep_some(f, slots);
    assert_true(spill_read_head(f->dir, "job-1", &found, &head, &err));
    assert_true(found);
    assert_string_equal(buf_str(&head), "head");
    buf_free(&head);
    buf_init(&head, 3); /* too small for it */
    found = false;
    assert_false(spill_read_head(f->dir, "job-1", &found, &head, &err));
    assert_false(found);
    buf_free(&head);
}

static void a_head_that_is_too_long_is_refused(void **state)
{
    struct spill_fixture *f = *state;
    struct err err = {0};
    struct spill *s = open_spill(f);
    struct buf head, body;
    buf_init(&head, 4u << 20);
    buf_init(&body, 16);
    for (int i = 0; i < 1 << 16; i++) {
        buf_puts(&head, "0123456789abcdef");
    }
    assert_true(spill_write_manifest(s, &head, &body, &err));
    buf_puts(&head, "1");
    assert_false(spill_write_manifest(s, &head, &body, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(entries(f->dir, false), 2); /* the former one is still there */
    spill_close(s, true);
    assert_int_equal(reopen_kind(&f->options), ERR_NONE);
    buf_free(&head);
    buf_free(&body);
}

/* Whether names, with a NUL after each, has this one. */
static bool has_name(const struct buf *names, const char *name)
{
    for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1) {
        if (strcmp(names->data + at, name) == 0) {
            return true;
        }
    }
    return false;
}

static void manifests_are_listed(void **state)
{
    static const char *const others[] = {"x.manifest.new", "UP.manifest", ".manifest", "manifest",
                                         "a.b.manifest"};
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    struct err err = {0};
    struct buf names;
    char path[128];
    buf_init(&names, 4096);
    assert_true(spill_list(f->dir, &names, &err));
    assert_int_equal(names.len, 0);
    keep_some(f, slots);
    f->options.name = "another";
    keep_some(f, slots);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->dir, others[i]);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0 && close(fd) == 0);
    }
    assert_true(spill_list(f->dir, &names, &err));
    assert_int_equal(names.len, strlen("job-1") + strlen("another") + 2);
    assert_true(has_name(&names, "job-1") && has_name(&names, "another"));
    assert_false(spill_list("/nowhere/at/all", &names, &err));

    spill_remove(f->dir, "another");
    spill_remove(f->dir, "absent");
    spill_remove("/nowhere/at/all", "another");
    buf_clear(&names);
    assert_true(spill_list(f->dir, &names, &err));
    assert_string_equal(buf_str(&names), "job-1");
    buf_free(&names);
    (void)snprintf(path, sizeof path, "%s/.manifest", f->dir); /* hidden from the teardown */
    assert_int_equal(unlink(path), 0);
}

static void every_flipped_bit_of_a_slot_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill *s = open_spill(f);
    (void)write_spill(f, s, 10, 0);
    struct spill_slot slot = write_spill(f, s, 100, 1);
    int fd = open_file(f, ".spill");
    for (size_t bit = 0; bit < (100 + 16) * (size_t)8; bit++) {
        flip(fd, SLOT_BYTES * (size_t)8 + bit);
        assert_damaged(f, s, &slot);
        flip(fd, SLOT_BYTES * (size_t)8 + bit);
    }
    assert_reads(f, s, &slot, 100, 1);
    (void)close(fd);
    spill_close(s, false);
}

/* Each field of a slot's description is a part of what is authenticated. */
static void every_flipped_bit_of_a_description_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill *s = open_spill(f);
    struct spill_slot slots[3];
    for (size_t i = 0; i < 3; i++) {
        slots[i] = write_spill(f, s, 100, 5);
    }
    for (size_t bit = 0; bit < 8 * sizeof slots[1]; bit++) {
        struct spill_slot wrong = slots[1];
        unsigned char *bytes = (unsigned char *)&wrong;
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ (1u << bit % 8));
        assert_damaged(f, s, &wrong);
    }
    spill_close(s, false);
}

static void copy_slot(int fd, uint64_t from, uint64_t to)
{
    unsigned char bytes[SLOT_BYTES];
    assert_int_equal(pread(fd, bytes, sizeof bytes, (off_t)(from * SLOT_BYTES)), sizeof bytes);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, (off_t)(to * SLOT_BYTES)), sizeof bytes);
}

static void swapped_and_replayed_slots_are_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill *s = open_spill(f);
    struct spill_slot a = write_spill(f, s, 100, 5);
    struct spill_slot b = write_spill(f, s, 100, 5); /* the very same rows */
    struct spill_slot spare = write_spill(f, s, 100, 6);
    int fd = open_file(f, ".spill");
    copy_slot(fd, a.number, spare.number); /* an old copy, kept for later */
    copy_slot(fd, b.number, a.number);
    assert_damaged(f, s, &a);
    struct spill_slot moved = b; /* b's description, moved with its bytes */
    moved.number = a.number;
    assert_damaged(f, s, &moved);

    spill_free_slot(s, &a);
    struct spill_slot again = write_spill(f, s, 100, 5);
    assert_int_equal(again.number, a.number);
    copy_slot(fd, spare.number, again.number); /* the slot's own old content */
    assert_damaged(f, s, &again);
    (void)close(fd);
    spill_close(s, false);
}

static void every_flipped_bit_of_a_manifest_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    keep_some(f, slots);
    int fd = open_file(f, ".manifest");
    size_t bits = 8 * size_of(f, ".manifest");
    assert_true(bits > 8 * sizeof slots);
    for (size_t bit = 0; bit < bits; bit++) {
        flip(fd, bit);
        assert_int_equal(reopen_kind(&f->options), ERR_DATA);
        flip(fd, bit);
    }
    assert_int_equal(reopen_kind(&f->options), ERR_NONE);
    (void)close(fd);
}

static void a_damaged_head_is_not_shown(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    struct buf head;
    buf_init(&head, 1024);
    keep_some(f, slots);
    int fd = open_file(f, ".manifest");
    for (size_t bit = 0; bit < (80 + 4 + 8) * (size_t)8; bit++) {
        struct err err = {0};
        bool found = false;
        flip(fd, bit);
        assert_false(spill_read_head(f->dir, "job-1", &found, &head, &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_false(found);
        assert_int_equal(head.len, 0);
        flip(fd, bit);
    }
    (void)close(fd);
    buf_free(&head);
}

static void every_cut_of_a_manifest_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    keep_some(f, slots);
    int fd = open_file(f, ".manifest");
    size_t len = size_of(f, ".manifest");
    assert_int_equal(ftruncate(fd, (off_t)len + 1), 0);
    assert_int_equal(reopen_kind(&f->options), ERR_DATA);
    while (len-- > 0) {
        struct err err = {0};
        struct buf head;
        bool found = false;
        buf_init(&head, 1024);
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        assert_int_equal(reopen_kind(&f->options), ERR_DATA);
        assert_false(spill_read_head(f->dir, "job-1", &found, &head, &err));
        assert_int_equal(err.kind, ERR_DATA);
        buf_free(&head);
    }
    (void)close(fd);
}

static void a_cut_file_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    keep_some(f, slots);
    int fd = open_file(f, ".spill");
    off_t len = (off_t)size_of(f, ".spill");
    assert_int_equal(ftruncate(fd, len - 1), 0);
    assert_int_equal(reopen_kind(&f->options), ERR_DATA);
    assert_int_equal(ftruncate(fd, len), 0); /* with a hole now, but behind all that was written */
    struct spill *s = reopen(f, slots, KEPT);
    assert_int_equal(ftruncate(fd, SLOT_BYTES + 50), 0); /* under our feet */
    assert_reads(f, s, &slots[0], 0, 0);
    assert_damaged(f, s, &slots[1]);
    assert_damaged(f, s, &slots[2]);
    (void)close(fd);
    spill_close(s, true);
}

/* A data file of another life under the same name and key. */
static void a_file_of_another_time_is_found(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    char path[128];
    char aside[128];
    keep_some(f, slots);
    (void)path_of(f, ".spill", path);
    (void)snprintf(aside, sizeof aside, "%s/aside", f->dir);
    assert_int_equal(rename(path, aside), 0);
    keep_some(f, slots);
    assert_int_equal(rename(aside, path), 0);
    struct spill *s = reopen(f, slots, KEPT);
    for (size_t i = 0; i < KEPT; i++) {
        assert_damaged(f, s, &slots[i]);
    }
    spill_close(s, true);
}

static void claims_that_cannot_be_are_refused(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[KEPT];
    keep_some(f, slots);
    struct spill *s = reopen(f, slots, KEPT);
    struct spill_slot wrong[6];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        wrong[i] = slots[0];
    }
    wrong[0].number = 64; /* the file has 64 */
    wrong[1].number = UINT64_MAX;
    wrong[2].number = UINT64_MAX / SLOT_BYTES;
    wrong[3].nonce = UINT64_MAX;
    wrong[4].nonce = UINT64_C(2) << 48; /* of a session to come */
    wrong[5].content.bytes = ROOM + 49;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err err = {0};
        assert_false(spill_claim(s, &wrong[i], &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_damaged(f, s, &wrong[i]);
    }
    assert_int_equal(spill_stats(s).bytes_used, 0);
    spill_close(s, true);
}

int main(void)
{
#define SPILL_TEST(name) cmocka_unit_test_setup_teardown(name, spill_setup, spill_teardown)
    const struct CMUnitTest tests[] = {
        SPILL_TEST(another_process_goes_on),
        SPILL_TEST(no_nonce_comes_twice_over_many_lives),
        SPILL_TEST(a_killed_process_leaves_what_it_synced),
        SPILL_TEST(the_last_manifest_counts),
        SPILL_TEST(a_key_opens_only_its_own),
        SPILL_TEST(what_is_missing_is_usage),
        SPILL_TEST(the_head_needs_no_key),
        SPILL_TEST(a_head_that_is_too_long_is_refused),
        SPILL_TEST(manifests_are_listed),
        SPILL_TEST(every_flipped_bit_of_a_slot_is_found),
        SPILL_TEST(every_flipped_bit_of_a_description_is_found),
        SPILL_TEST(swapped_and_replayed_slots_are_found),
        SPILL_TEST(every_flipped_bit_of_a_manifest_is_found),
        SPILL_TEST(a_damaged_head_is_not_shown),
        SPILL_TEST(every_cut_of_a_manifest_is_found),
        SPILL_TEST(a_cut_file_is_found),
        SPILL_TEST(a_file_of_another_time_is_found),
        SPILL_TEST(claims_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
