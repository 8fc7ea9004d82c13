/* spawn: what a child gets, and what it does not. */
/* pipe2. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "unit.h"

#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 4096

/* Runs the shell's words with its output into text; returns its exit status and pid. */
static int run(const char *words, bool own_session, int in, pid_t *pid, char text[TEXT_MAX])
{
    char *const environment[] = {(char[]){"COLOUR=green"}, NULL};
    char shell[] = "sh";
    char option[] = "-c";
    char *copy = strdup(words);
    char *const argv[] = {shell, option, copy, NULL};
    int out[2];
    int status = 0;
    size_t len = 0;
    ssize_t n = 0;
    assert_non_null(copy);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct spawn s = {
        .path = "/bin/sh",
        .argv = argv,
        .environment = environment,
        .fds = {in, out[1], -1},
        .own_session = own_session
    };
    assert_int_equal(spawn_child(&s, pid), 0);
    (void)close(out[1]);
    while (len + 1 < TEXT_MAX && (n = read(out[0], text + len, TEXT_MAX - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    (void)close(out[0]);
    free(copy);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void it_has_just_what_it_is_given(void **state)
{
    char text[TEXT_MAX];
    pid_t pid = 0;
    int in[2];
    assert_int_equal(
        run("cat && echo lost >&2 && echo $COLOUR $HOME; exit 7", false, -1, &pid, text), 7);
    assert_string_equal(text, "green\n");
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "told\n", 5), 5);
    (void)close(in[1]);
    assert_int_equal(run("cat", false, in[0], &pid, text), 0);
    assert_string_equal(text, "told\n");
    (void)close(in[0]);
    assert_int_equal(
        run("readlink /proc/self/fd/0; readlink /proc/self/fd/2", false, -1, &pid, text), 0);
    assert_string_equal(text, "/dev/null\n/dev/null\n");
    (void)state;
}

static void its_session_is_ours_or_its_own(void **state)
{
    static const char words[] = "read -r pid name state parent group session rest </proc/$$/stat; "
                                "echo $session";
    char text[TEXT_MAX];
    pid_t pid = 0;
    assert_int_equal(run(words, false, -1, &pid, text), 0);
    assert_int_equal(strtol(text, NULL, 10), getsid(0));
    assert_int_equal(run(words, true, -1, &pid, text), 0);
    assert_int_equal(strtol(text, NULL, 10), pid);
    (void)state;
}

/* Worker threads block all signals, and whoever starts us may have some ignored. */
static void no_signal_is_blocked_or_ignored(void **state)
{
    char text[TEXT_MAX];
    pid_t pid = 0;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    void (*old)(int) = signal(SIGUSR1, SIG_IGN);
    int status = run("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", false, -1, &pid, text);
    (void)signal(SIGUSR1, old);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(status, 0);
    const char *ignored = strstr(text, "SigIgn:\t");
    assert_ptr_equal(strstr(text, "SigBlk:\t0000000000000000\n"), text);
    assert_non_null(ignored);
    /* The two above 31 are the C library's own, and stay as they were. */
    assert_int_equal(strtoull(ignored + 8, NULL, 16) & 0x7fffffffu, 0);
    (void)state;
}

static void what_cannot_be_started_is_told(void **state)
{
    char *const argv[] = {(char[]){"nothing"}, NULL};
    char *const environment[] = {NULL};
    struct spawn s = {
        .path = "/nowhere/nothing", .argv = argv, .environment = environment, .fds = {-1, -1, -1}
    };
    pid_t pid = 12345;
    assert_int_equal(spawn_child(&s, &pid), ENOENT);
    assert_int_equal(pid, 12345);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_just_what_it_is_given),
        cmocka_unit_test(its_session_is_ours_or_its_own),
        cmocka_unit_test(no_signal_is_blocked_or_ignored),
        cmocka_unit_test(what_cannot_be_started_is_told),
    };
    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
