/* spill: what is written is read, slots are used again, space that runs out is no error, and who
 * may have the files open. */
#include "spill_fixture.h"

#include "flow/spill_disk.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void reads_what_it_wrote(void **state)
{
    static const size_t lens[] = {0, 1, 16, 4079, 4080, 4081, ROOM - 1, ROOM};
    struct spill_fixture *f = *state;
    struct spill_slot slots[ARRAY_LEN(lens)];
    for (int keep = 0; keep < 2; keep++) {
        f->options.keep = keep == 1;
        struct spill *s = open_spill(f);
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            slots[i] = write_spill(f, s, lens[i], i + 1);
            assert_int_equal(slots[i].number, i);
        }
        for (size_t i = ARRAY_LEN(lens); i-- > 0;) {
            assert_reads(f, s, &slots[i], lens[i], i + 1);
            assert_reads(f, s, &slots[i], lens[i], i + 1); /* it stays taken */
        }
        spill_close(s, false);
        assert_int_equal(entries(f->dir, false), 0);
    }
}

/* A packed batch may be longer than the room of its rows. */
static void takes_a_packed_batch_up_to_the_slack(void **state)
{
    struct spill_fixture *f = *state;
    struct err err = {0};
    struct spill_slot slot;
    struct spill *s = open_spill(f);
    fill(f->in, ROOM, 9);
    empty(f->in);
    memset(f->in->bytes + ROOM, 'x', 48);
    f->in->content =
        (struct content){.rows = 7, .raw_bytes = 99999, .bytes = ROOM + 48, .frames = 3};
    batch_seal(f->in);
    batch_move(f->in, BATCH_PACKING);
    struct content content = f->in->content;
    assert_int_equal(spill_write(s, f->in, &slot, &err), SPILL_WRITTEN);
    empty(f->back);
    assert_true(spill_read(s, &slot, f->back, &err));
    assert_memory_equal(&f->back->content, &content, sizeof content);
    assert_true(batch_verify(f->back, &err));
    spill_close(s, false);
}

static void nothing_of_the_rows_is_on_disk(void **state)
{
    struct spill_fixture *f = *state;
    struct err err = {0};
    struct spill_slot slot;
    unsigned char disk[SLOT_BYTES];
    struct spill *s = open_spill(f);
    empty(f->in);
    memset(f->in->bytes, 'A', ROOM);
    f->in->content.bytes = ROOM;
    batch_seal(f->in);
    batch_move(f->in, BATCH_PACKING);
    assert_int_equal(spill_write(s, f->in, &slot, &err), SPILL_WRITTEN);
    int fd = open_file(f, ".spill");
    assert_int_equal(pread(fd, disk, sizeof disk, 0), sizeof disk);
    for (size_t i = 0; i + 4 <= sizeof disk; i++) {
        assert_memory_not_equal(disk + i, "AAAA", 4);
    }
    (void)close(fd);
    spill_close(s, false);
}

/* The same rows twice, even in the same slot, look different. */
static void never_encrypts_the_same_way_twice(void **state)
{
    struct spill_fixture *f = *state;
    unsigned char disk[4][64];
    struct spill *s = open_spill(f);
    int fd = open_file(f, ".spill");
    for (int i = 0; i < 4; i++) {
        struct spill_slot slot = write_spill(f, s, 64, 5);
        assert_int_equal(slot.number, 0);
        assert_int_equal(pread(fd, disk[i], 64, 0), 64);
        for (int j = 0; j < i; j++) {
            assert_memory_not_equal(disk[i], disk[j], 64);
        }
        spill_free_slot(s, &slot);
        if (i == 2) { /* a new file of the same name under the same key, with the same nonces */
            (void)close(fd);
            spill_close(s, false);
            s = open_spill(f);
            fd = open_file(f, ".spill");
        }
    }
    (void)close(fd);
    spill_close(s, false);
}

static void uses_the_lowest_free_slot(void **state)
{
    struct spill_fixture *f = *state;
    struct spill_slot slots[200];
    struct spill *s = open_spill(f);
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        slots[i] = write_spill(f, s, 10, i);
        assert_int_equal(slots[i].number, i);
    }
    static const size_t freed[] = {150, 3, 64, 63, 199};
    static const size_t order[] = {3, 63, 64, 150, 199, 200};
    for (size_t i = 0; i < ARRAY_LEN(freed); i++) {
        spill_free_slot(s, &slots[freed[i]]);
    }
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct spill_slot slot = write_spill(f, s, 20, 1000 + i);
        assert_int_equal(slot.number, order[i]);
        assert_reads(f, s, &slot, 20, 1000 + i);
    }
    assert_reads(f, s, &slots[65], 10, 65);
    spill_close(s, false);
}

static void counts_what_it_does(void **state)
{
    struct spill_fixture *f = *state;
    struct spill *s = open_spill(f);
    struct spill_slot a = write_spill(f, s, 100, 1);
    struct spill_slot b = write_spill(f, s, ROOM, 2);
    assert_reads(f, s, &a, 100, 1);
    spill_free_slot(s, &b);
    struct spill_stats stats = spill_stats(s);
    assert_int_equal(stats.bytes_written, 4096 + SLOT_BYTES);
    assert_int_equal(stats.bytes_read, 116);
    assert_int_equal(stats.bytes_used, SLOT_BYTES);
    assert_int_equal(stats.bytes_used_max, 2 * SLOT_BYTES);
    assert_int_equal(stats.bytes_limit, f->options.limit_bytes);
    spill_close(s, false);
}

static void expect_full(struct spill_fixture *f, struct spill *s, uint64_t seed)
{
    struct err err = {0};
    struct spill_slot slot = {.number = 77};
    fill(f->in, ROOM, seed);
    assert_int_equal(spill_write(s, f->in, &slot, &err), SPILL_FULL);
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(slot.number, 77);
    assert_int_equal(f->in->state, BATCH_PACKING);
    assert_true(batch_verify(f->in, &err)); /* its bytes are as they were */
}

/* Writes until full, expects most slots, then gives one back and uses it. */
static void fill_up(struct spill_fixture *f, struct spill *s, size_t least, size_t most)
{
    struct spill_slot slots[256];
    size_t count = 0;
    struct err err = {0};
    for (;; count++) {
        assert_true(count < ARRAY_LEN(slots) && count <= most);
        fill(f->in, ROOM, count);
        enum spill_status status = spill_write(s, f->in, &slots[count], &err);
        if (status != SPILL_WRITTEN) {
            assert_int_equal(status, SPILL_FULL);
            break;
        }
    }
    assert_true(count >= least);
    expect_full(f, s, 5);
    assert_int_equal(spill_stats(s).bytes_used, count * SLOT_BYTES);
    assert_true(spill_stats(s).bytes_limit < (count + 1) * SLOT_BYTES);
    spill_free_slot(s, &slots[count / 2]);
    struct spill_slot again = write_spill(f, s, ROOM, 99);
    assert_int_equal(again.number, count / 2);
    expect_full(f, s, 6);
    assert_reads(f, s, &again, ROOM, 99);
    if (count > 2) {
        assert_reads(f, s, &slots[0], ROOM, 0);
        assert_reads(f, s, &slots[count - 1], ROOM, count - 1);
    }
}

static void the_limit_is_full_and_no_error(void **state)
{
    struct spill_fixture *f = *state;
    static const size_t limits[] = {1, 2, 63, 64, 65, 130};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        f->options.limit_bytes = limits[i] * SLOT_BYTES + SLOT_BYTES - 1;
        struct spill *s = open_spill(f);
        fill_up(f, s, limits[i], limits[i]);
        assert_true(size_of(f, ".spill") <= f->options.limit_bytes);
        spill_close(s, false);
    }
    f->options.limit_bytes = SLOT_BYTES - 1;
    struct spill *s = open_spill(f);
    expect_full(f, s, 1);
    spill_close(s, false);
}

/* A limit of the process is an ENOSPC that needs no file system: EFBIG, once the signal is off. */
static void no_space_is_full_and_no_error(void **state)
{
    struct spill_fixture *f = *state;
    struct rlimit old;
    struct spill *s = open_spill(f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = 70 * SLOT_BYTES + 4096, .rlim_max = old.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    fill_up(f, s, 70, 70);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(write_spill(f, s, 10, 1).number, 70); /* there is space again */
    assert_int_equal(spill_stats(s).bytes_limit, f->options.limit_bytes);
    spill_close(s, false);
}

/* Space that was promised and is not there, as where a file system cannot promise: found when the
 * rows are encrypted already. */
static void no_space_while_writing_undoes_it(void **state)
{
    struct spill_fixture *f = *state;
    struct rlimit old;
    struct spill *s = open_spill(f);
    struct spill_slot first = write_spill(f, s, ROOM, 1); /* reserves some for others */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = 2 * SLOT_BYTES + 4096, .rlim_max = old.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct spill_slot second = write_spill(f, s, ROOM, 2);
    expect_full(f, s, 3);
    expect_full(f, s, 4);
    assert_int_equal(spill_stats(s).bytes_limit, 2 * SLOT_BYTES);
    assert_int_equal(spill_stats(s).bytes_used, 2 * SLOT_BYTES);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    struct spill_slot third = write_spill(f, s, ROOM, 5);
    assert_int_equal(third.number, 2);
    assert_reads(f, s, &first, ROOM, 1);
    assert_reads(f, s, &second, ROOM, 2);
    assert_reads(f, s, &third, ROOM, 5);
    spill_close(s, false);
}

/* A full disk that is one: a small tmpfs, which only root can make. */
static void a_full_disk_is_full_and_no_error(void **state)
{
    struct spill_fixture *f = *state;
    if (geteuid() != 0 || mount("none", f->dir, "tmpfs", 0, "size=800k") != 0) {
        skip();
    }
    for (int keep = 0; keep < 2; keep++) {
        f->options.keep = keep == 1;
        struct spill *s = open_spill(f);
        fill_up(f, s, 90, 100);
        spill_close(s, false);
    }
    assert_int_equal(umount(f->dir), 0);
}

static void leaves_nothing_when_not_kept(void **state)
{
    struct spill_fixture *f = *state;
    f->options.keep = false;
    struct spill *s = open_spill(f);
    assert_int_equal(entries(f->dir, false), 0);
    struct spill *twin = open_spill(f); /* without a name there is nobody to clash with */
    struct spill_slot slot = write_spill(f, s, 10, 1);
    struct spill_slot others = write_spill(f, twin, 10, 2);
    assert_reads(f, s, &slot, 10, 1);
    assert_reads(f, twin, &others, 10, 2);
    assert_true(spill_sync(s, &(struct err){0}));
    assert_int_equal(entries(f->dir, false), 0);
    spill_close(s, true);
    spill_close(twin, false);
    assert_int_equal(entries(f->dir, false), 0);
    spill_close(NULL, false);
}

static void only_the_owner_may_read_the_files(void **state)
{
    struct spill_fixture *f = *state;
    mode_t old = umask(0);
    struct spill *s = open_spill(f);
    write_slots(s, NULL, 0);
    (void)umask(old);
    static const char *const suffixes[] = {".spill", ".manifest"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct stat st;
        char path[128];
        assert_int_equal(stat(path_of(f, suffixes[i], path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    spill_close(s, false);
}

static enum err_kind open_kind(const struct spill_options *options)
{
    struct err err = {0};
    struct spill *s = NULL;
    if (spill_open(options, &s, &err)) {
        spill_close(s, true);
        return ERR_NONE;
    }
    assert_null(s);
    return err.kind;
}

/* In a process of its own, as flock knows them. */
static enum err_kind in_a_child(enum err_kind (*try)(const struct spill_options *),
                                const struct spill_options *options)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit((int)try(options));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum err_kind)WEXITSTATUS(status);
}

static void one_process_at_a_time(void **state)
{
    struct spill_fixture *f = *state;
    struct spill *s = open_spill(f);
    struct spill_slot slot = write_spill(f, s, 10, 1);
    write_slots(s, &slot, 1);
    assert_int_equal(in_a_child(open_kind, &f->options), ERR_BUSY);
    assert_int_equal(in_a_child(reopen_kind, &f->options), ERR_BUSY);
    struct spill_options unkept = f->options;
    unkept.keep = false;
    assert_int_equal(in_a_child(open_kind, &unkept), ERR_BUSY);
    spill_remove(f->dir, "job-1");
    assert_int_equal(entries(f->dir, false), 2);
    assert_reads(f, s, &slot, 10, 1);
    spill_close(s, true);
    assert_int_equal(in_a_child(reopen_kind, &f->options), ERR_NONE);
}

/* Who waited for a file that was replaced meanwhile has the lock on a file that nobody will find.
 */
static void a_lock_on_a_replaced_file_is_none(void **state)
{
    struct spill_fixture *f = *state;
    struct err err = {0};
    struct place p;
    int fd = -1;
    assert_true(place_open(f->dir, "job-1", true, &p, &err));
    assert_int_equal(place_open_data(&p, &fd), PLACE_ABSENT);
    int old = place_create(&p, PLACE_DATA);
    assert_true(old >= 0);
    assert_true(place_unlink(&p, PLACE_DATA));
    assert_int_equal(place_lock_data(&p, old), PLACE_BUSY);
    int new = place_create(&p, PLACE_DATA);
    assert_true(new >= 0);
    assert_int_equal(place_lock_data(&p, old), PLACE_BUSY);
    assert_int_equal(place_lock_data(&p, new), PLACE_OPEN);
    assert_int_equal(place_open_data(&p, &fd), PLACE_BUSY);
    (void)close(old);
    (void)close(new);
    place_close(&p);
}

static void a_smaller_batch_is_not_overrun(void **state)
{
    struct spill_fixture *f = *state;
    struct err err = {0};
    struct batch *small = batch_new(1000);
    struct spill *s = open_spill(f);
    struct spill_slot fits = write_spill(f, s, 1048, 1);
    struct spill_slot too_long = write_spill(f, s, 1049, 2);
    batch_move(small, BATCH_FILLING);
    assert_false(spill_read(s, &too_long, small, &err));
    assert_int_equal(err.kind, ERR_DATA);
    assert_true(spill_read(s, &fits, small, &err));
    batch_free(small);
    spill_close(s, false);
}

static void an_old_file_is_replaced(void **state)
{
    struct spill_fixture *f = *state;
    for (int keep = 0; keep < 2; keep++) {
        f->options.keep = true;
        struct spill *s = open_spill(f);
        struct spill_slot slot = write_spill(f, s, 10, 1);
        write_slots(s, &slot, 1);
        spill_close(s, true);
        assert_int_equal(entries(f->dir, false), 2);
        f->options.keep = keep == 1;
        s = open_spill(f);
        assert_int_equal(entries(f->dir, false), keep);
        assert_int_equal(reopen_kind(&f->options), keep == 1 ? ERR_BUSY : ERR_USAGE);
        spill_close(s, false);
    }
}

static void bad_places_are_usage(void **state)
{
    struct spill_fixture *f = *state;
    static const char *const names[] = {"", ".", "..", "a/b", "A", "a.b", "../x", "a b"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct spill_options bad = f->options;
        bad.name = names[i];
        assert_int_equal(open_kind(&bad), ERR_USAGE);
        assert_int_equal(reopen_kind(&bad), ERR_USAGE);
    }
    char longest[SPILL_NAME_MAX + 1] = {0};
    struct spill_options named = f->options;
    named.name = longest;
    memset(longest, 'a', SPILL_NAME_MAX - 1);
    assert_int_equal(open_kind(&named), ERR_NONE);
    longest[SPILL_NAME_MAX - 1] = 'a';
    assert_int_equal(open_kind(&named), ERR_USAGE);

    static const char *const dirs[] = {"", "/nowhere/at/all", "/etc/passwd", "/proc/self"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        struct spill_options bad = f->options;
        bad.dir = dirs[i];
        assert_true(open_kind(&bad) == ERR_USAGE || i == 3);
        assert_int_not_equal(open_kind(&bad), ERR_NONE);
    }
}

/* A link under the file's name is not followed. */
static void a_link_is_not_followed(void **state)
{
    struct spill_fixture *f = *state;
    char path[128];
    char target[128];
    (void)snprintf(target, sizeof target, "%s/precious", f->dir);
    FILE *out = fopen(target, "we");
    assert_non_null(out);
    assert_true(fputs("keep me", out) >= 0 && fclose(out) == 0);
    assert_int_equal(symlink(target, path_of(f, ".spill", path)), 0);
    assert_int_equal(open_kind(&f->options), ERR_SYSTEM);
    assert_int_equal(reopen_kind(&f->options), ERR_SYSTEM);
    spill_remove(f->dir, "job-1");
    assert_int_equal(entries(f->dir, false), 2);
}

int main(void)
{
#define SPILL_TEST(name) cmocka_unit_test_setup_teardown(name, spill_setup, spill_teardown)
    const struct CMUnitTest tests[] = {
        SPILL_TEST(reads_what_it_wrote),
        SPILL_TEST(takes_a_packed_batch_up_to_the_slack),
        SPILL_TEST(nothing_of_the_rows_is_on_disk),
        SPILL_TEST(never_encrypts_the_same_way_twice),
        SPILL_TEST(uses_the_lowest_free_slot),
        SPILL_TEST(counts_what_it_does),
        SPILL_TEST(the_limit_is_full_and_no_error),
        SPILL_TEST(no_space_is_full_and_no_error),
        SPILL_TEST(no_space_while_writing_undoes_it),
        SPILL_TEST(a_full_disk_is_full_and_no_error),
        SPILL_TEST(leaves_nothing_when_not_kept),
        SPILL_TEST(only_the_owner_may_read_the_files),
        SPILL_TEST(one_process_at_a_time),
        SPILL_TEST(a_lock_on_a_replaced_file_is_none),
        SPILL_TEST(a_smaller_batch_is_not_overrun),
        SPILL_TEST(an_old_file_is_replaced),
        SPILL_TEST(bad_places_are_usage),
        SPILL_TEST(a_link_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
