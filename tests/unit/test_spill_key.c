/* spill_key: what a key file must be like, and that one is made only where that is allowed. */
#include "tests/unit/unit.h"

#include "job/spill_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_BYTES 64

struct place {
    char root[64];
    char spill[128];
    char key[128];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->root, sizeof p->root, "/tmp/sluice-key-XXXXXX");
    assert_non_null(mkdtemp(p->root));
    (void)snprintf(p->spill, sizeof p->spill, "%s/spill", p->root);
    (void)snprintf(p->key, sizeof p->key, "%s/key", p->root);
    assert_int_equal(mkdir(p->spill, 0700), 0);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    (void)unlink(p->key);
    (void)rmdir(p->spill);
    assert_int_equal(rmdir(p->root), 0); /* nothing else was left there */
    free(p);
    return 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void refused(const char *path, const char *spill, const char *words)
{
    unsigned char key[SPILL_KEY_FILE_BYTES] = {7};
    struct err err = {0};
    assert_false(spill_key_from_file(path, spill, true, key, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.msg, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
    }
}

static void makes_one_and_reads_it_again(void **state)
{
    const struct place *p = *state;
    unsigned char made[SPILL_KEY_FILE_BYTES] = {0};
    unsigned char read_back[SPILL_KEY_FILE_BYTES] = {0};
    unsigned char zero[SPILL_KEY_FILE_BYTES] = {0};
    struct err err = {0};
    struct stat st;

    assert_true(spill_key_from_file(p->key, p->spill, true, made, &err));
    assert_memory_not_equal(made, zero, sizeof made);
    assert_int_equal(stat(p->key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, HEX_BYTES + 1);
    assert_true(spill_key_from_file(p->key, p->spill, true, read_back, &err));
    assert_memory_equal(made, read_back, sizeof made);
    assert_true(spill_key_from_file(p->key, p->spill, false, read_back, &err));
    assert_memory_equal(made, read_back, sizeof made);
}

static void made_only_when_allowed(void **state)
{
    const struct place *p = *state;
    unsigned char key[SPILL_KEY_FILE_BYTES];
    struct err err = {0};
    assert_false(spill_key_from_file(p->key, p->spill, false, key, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, p->key));
    assert_int_equal(access(p->key, F_OK), -1);
}

static void two_keys_differ(void **state)
{
    unsigned char a[SPILL_KEY_FILE_BYTES], b[SPILL_KEY_FILE_BYTES];
    struct err err = {0};
    assert_true(spill_key_random(a, &err) && spill_key_random(b, &err));
    assert_memory_not_equal(a, b, sizeof a);
    (void)state;
}

static void reads_what_is_written(void **state)
{
    const struct place *p = *state;
    unsigned char key[SPILL_KEY_FILE_BYTES];
    struct err err = {0};
    put(p->key, "00010203040506070809101112131415161718191a1b1c1d1e1f0000abcdefff\n", 0600);
    assert_true(spill_key_from_file(p->key, p->spill, true, key, &err));
    assert_int_equal(key[0], 0);
    assert_int_equal(key[9], 9);
    assert_int_equal(key[10], 0x10);
    assert_int_equal(key[29], 0xcd);
    assert_int_equal(key[31], 0xff);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void contents_that_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        ZEROS, /* without its end */
        ZEROS "\n\n",
        "0" ZEROS, /* as long as one, but no line break where it belongs */
        "x" ZEROS,
        ZEROS "0\n",
        "g00000000000000000000000000000000000000000000000000000000000000"
        "0\n",
        "0000000000000000000000000000000000000000000000000000000000000A0"
        "0\n",
    };
    const struct place *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        put(p->key, texts[i], 0600);
        refused(p->key, p->spill, "not a key of Sluice's");
    }
}

static void modes_that_are_refused(void **state)
{
    static const mode_t modes[] = {0604, 0640, 0620, 0602, 0610, 0601, 0666};
    const struct place *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        put(p->key, ZEROS "\n", modes[i]);
        refused(p->key, p->spill, "chmod 600");
    }
}

static void somebody_elses(void **state)
{
    const struct place *p = *state;
    put(p->key, ZEROS "\n", 0600);
    if (chown(p->key, 12345, (gid_t)-1) != 0) {
        skip(); /* only root can make one */
    }
    refused(p->key, p->spill, "must belong to the user");
}

static void things_that_are_no_file(void **state)
{
    const struct place *p = *state;
    char link_to[160];
    (void)snprintf(link_to, sizeof link_to, "%s/target", p->root);
    put(link_to, ZEROS "\n", 0600);
    assert_int_equal(symlink(link_to, p->key), 0);
    refused(p->key, p->spill, "symbolic link");
    assert_int_equal(unlink(link_to), 0);
    refused(p->key, p->spill, "symbolic link"); /* one to nowhere: nothing is made behind it */
    assert_int_equal(access(link_to, F_OK), -1);
    assert_int_equal(unlink(p->key), 0);
    assert_int_equal(mkfifo(p->key, 0600), 0);
    refused(p->key, p->spill, "not a key");
    assert_int_equal(unlink(p->key), 0);
    refused(p->spill, "/proc", "not a key"); /* a directory */
}

static void places_that_are_refused(void **state)
{
    const struct place *p = *state;
    char path[400];
    (void)snprintf(path, sizeof path, "%s/key", p->spill);
    refused(path, p->spill, "lies in the directory");
    (void)snprintf(path, sizeof path, "%s/../spill/./key", p->spill);
    refused(path, p->spill, "lies in the directory");
    refused(path, "/", "lies in the directory");
    (void)snprintf(path, sizeof path, "%s/deep", p->spill);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/deep/key", p->spill);
    refused(path, p->spill, "lies in the directory");
    (void)snprintf(path, sizeof path, "%s/deep", p->spill);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof path, "%s/none/key", p->root);
    refused(path, p->spill, "does not exist");
    (void)snprintf(path, sizeof path, "%s/none", p->root);
    refused(p->key, path, "does not exist");
}

static void a_name_that_only_begins_alike_is_no_inside(void **state)
{
    const struct place *p = *state;
    unsigned char key[SPILL_KEY_FILE_BYTES];
    struct err err = {0};
    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s-2", p->spill);
    assert_int_equal(mkdir(dir, 0700), 0);
    char path[200];
    (void)snprintf(path, sizeof path, "%s/key", dir);
    assert_true(spill_key_from_file(path, p->spill, true, key, &err));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void paths_without_end(void **state)
{
    const struct place *p = *state;
    char *path = malloc(20000);
    assert_non_null(path);
    memset(path, 'x', 19999);
    path[19999] = '\0';
    path[0] = '/';
    refused(path, p->spill, "too long");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_one_and_reads_it_again, make_place, remove_place),
        cmocka_unit_test_setup_teardown(made_only_when_allowed, make_place, remove_place),
        cmocka_unit_test(two_keys_differ),
        cmocka_unit_test_setup_teardown(reads_what_is_written, make_place, remove_place),
        cmocka_unit_test_setup_teardown(contents_that_are_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(modes_that_are_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(somebody_elses, make_place, remove_place),
        cmocka_unit_test_setup_teardown(things_that_are_no_file, make_place, remove_place),
        cmocka_unit_test_setup_teardown(places_that_are_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_name_that_only_begins_alike_is_no_inside, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(paths_without_end, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
