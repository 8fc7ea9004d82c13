/* platform: the real one. Files, waits that end, variables, and memory that is wiped. */
#include "unit.h"

#include "aws/json.h"
#include "aws/platform.h"
#include "aws/wipe.h"
#include "tests/support/http_script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM ((size_t)128)

struct world {
    struct aws_platform p;
    int wake[2];
    char dir[PATH_ROOM];
};

static struct world world;

static int set_variable(const char *name, const char *value)
{
    return setenv(name, value, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static const char *getenv_of(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static int begin(void **state)
{
    struct err err = {0};
    (void)state;

    (void)snprintf(world.dir, sizeof world.dir, "/tmp/test_platform.XXXXXX");
    if (pipe(world.wake) != 0 || mkdtemp(world.dir) == NULL ||
        set_variable("AWS_SECRET_ACCESS_KEY", "sesame-sesame") != 0 ||
        set_variable("PLATFORM_EMPTY", "") != 0) {
        return -1;
    }
    return aws_platform_open(world.wake[0], &world.p, &err) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    aws_platform_close(&world.p);
    aws_platform_close(&world.p);
    aws_platform_close(NULL);
    (void)close(world.wake[0]);
    (void)close(world.wake[1]);
    return rmdir(world.dir);
}

static void wake(void)
{
    assert_int_equal(write(world.wake[1], "x", 1), 1);
}

static void unwake(void)
{
    char byte;
    assert_int_equal(read(world.wake[0], &byte, 1), 1);
}

static bool read_file(const char *path, size_t max, struct secret *out, bool *found,
                      struct err *err)
{
    return world.p.read_file(world.p.arg, path, max, out, found, err);
}

static void path_of(const char *name, char path[2 * PATH_ROOM])
{
    (void)snprintf(path, 2 * PATH_ROOM, "%s/%s", world.dir, name);
}

static void write_file(const char *path, size_t len)
{
    FILE *out = fopen(path, "we");

    assert_non_null(out);
    for (size_t i = 0; i < len; i++) {
        assert_int_not_equal(fputc('a' + (int)(i % 26), out), EOF);
    }
    assert_int_equal(fclose(out), 0);
}

static void a_file_is_read_up_to_its_limit(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 20000};
    char path[2 * PATH_ROOM];
    (void)state;

    path_of("f", path);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct secret content = {0};
        struct err err = {0};
        bool found = false;
        write_file(path, sizes[i]);
        assert_true(read_file(path, sizes[i], &content, &found, &err));
        assert_true(found);
        assert_int_equal(content.len, sizes[i]);
        if (sizes[i] > 0) {
            assert_int_equal(content.bytes[sizes[i] - 1], 'a' + (int)((sizes[i] - 1) % 26));
            found = false;
            assert_false(read_file(path, sizes[i] - 1, &content, &found, &err));
            assert_int_equal(err.kind, ERR_USAGE);
            assert_non_null(strstr(err.msg, path));
            assert_int_equal(content.len, sizes[i]);
            assert_false(found);
        }
        secret_free(&content);
    }
    assert_int_equal(unlink(path), 0);
}

static void what_is_not_there_is_no_error(void **state)
{
    struct secret content = {0};
    struct err err = {0};
    bool found = true;
    (void)state;

    assert_true(read_file("/nowhere/at/all", 10, &content, &found, &err));
    assert_false(found);
    found = true;
    assert_true(read_file("/dev/null/below", 10, &content, &found, &err));
    assert_false(found);
    assert_true(read_file("/dev/null", 10, &content, &found, &err));
    assert_true(found);
    assert_int_equal(err.kind, ERR_NONE);
}

static void what_is_no_file_is_refused(void **state)
{
    struct secret content = {0};
    struct err err = {0};
    bool found = true;
    (void)state;

    assert_false(read_file(world.dir, 10, &content, &found, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, world.dir));
    assert_false(read_file("/dev/zero", 100000, &content, &found, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

static void a_pipe_is_a_file_too(void **state)
{
    int fds[2];
    char path[PATH_ROOM];
    struct secret content = {0};
    struct err err = {0};
    bool found = false;
    (void)state;

    assert_int_equal(pipe(fds), 0);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(write(fds[1], "token", 5), 5);
    assert_int_equal(close(fds[1]), 0);
    assert_true(read_file(path, 5, &content, &found, &err));
    assert_true(found);
    assert_string_equal(secret_reveal(&content), "token");
    secret_free(&content);
    (void)close(fds[0]);
}

/* Its writer never writes. */
static void a_stop_ends_the_reading_of_a_pipe(void **state)
{
    int fds[2];
    char path[PATH_ROOM];
    struct secret content = {0};
    struct err err = {0};
    bool found = false;
    (void)state;

    assert_int_equal(pipe(fds), 0);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    wake();
    assert_false(read_file(path, 5, &content, &found, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    unwake();
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_wait_lasts_or_is_ended(void **state)
{
    (void)state;

    uint64_t start_ns = world.p.mono_ns(world.p.arg);
    assert_true(world.p.wait(world.p.arg, 20));
    assert_true(world.p.mono_ns(world.p.arg) - start_ns >= UINT64_C(20000000));
    assert_true(world.p.wait(world.p.arg, 0));
    wake();
    assert_false(world.p.wait(world.p.arg, UINT64_MAX));
    assert_false(world.p.wait(world.p.arg, 0));
    unwake();
}

static void a_request_is_ended_by_the_same(void **state)
{
    static const struct http_script_step step = {.reply = NULL, .end = SCRIPT_SILENT};
    struct http_script *s = http_script_start(&step, 1);
    struct http_reply reply = {0};
    struct err err = {0};
    char url[64];
    (void)state;

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)http_script_port(s));
    const struct http_request request = {
        .method = "GET", .url = url, .no_proxy = true, .wake_fd = -1};
    wake();
    assert_false(world.p.send(world.p.arg, &request, &reply, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    unwake();
    http_script_stop(s);
    http_script_free(s);
}

static void variables_are_read(void **state)
{
    (void)state;
    assert_string_equal(aws_variable(&world.p, "AWS_SECRET_ACCESS_KEY"), "sesame-sesame");
    assert_null(getenv_of("AWS_SECRET_ACCESS_KEY"));
    assert_null(aws_variable(&world.p, "PLATFORM_EMPTY"));
    assert_null(aws_variable(&world.p, "PLATFORM_NOT_SET"));
}

static void clocks_and_chance_are_real(void **state)
{
    (void)state;
    assert_true(world.p.wall_ms(world.p.arg) > INT64_C(1600000000000));
    assert_true(world.p.random(world.p.arg) != world.p.random(world.p.arg));
}

static void what_moves_keeps_its_bytes(void **state)
{
    char *memory = wipe_realloc(NULL, 8);
    (void)state;

    assert_non_null(memory);
    memcpy(memory, "sesame!", 8);
    memory = wipe_realloc(memory, 100);
    assert_string_equal(memory, "sesame!");
    memory = wipe_realloc(memory, 4);
    assert_memory_equal(memory, "sesa", 4);
    wipe_free(memory);
    wipe_free(NULL);
}

static void json_wipes_what_it_frees(void **state)
{
    json_malloc_t get = NULL;
    json_free_t give = NULL;
    (void)state;

    json_get_alloc_funcs(&get, &give);
    assert_ptr_equal(give, wipe_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_up_to_its_limit),
        cmocka_unit_test(what_is_not_there_is_no_error),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_pipe_is_a_file_too),
        cmocka_unit_test(a_stop_ends_the_reading_of_a_pipe),
        cmocka_unit_test(a_wait_lasts_or_is_ended),
        cmocka_unit_test(a_request_is_ended_by_the_same),
        cmocka_unit_test(variables_are_read),
        cmocka_unit_test(clocks_and_chance_are_real),
        cmocka_unit_test(what_moves_keeps_its_bytes),
        cmocka_unit_test(json_wipes_what_it_frees),
    };
    return cmocka_run_group_tests_name("platform", tests, begin, end);
}
