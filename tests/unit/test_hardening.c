/* hardening: no core, no look from outside, and no secrets for children. */
/* For WCOREDUMP. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "unit.h"

#include "base/hardening.h"
#include "base/sanitizers.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child, since it cannot be undone: the status that act returned, or the wait status. */
static int in_child(int (*act)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(act());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int harden_and_ask(void)
{
    struct rlimit core = {.rlim_cur = 1, .rlim_max = 1};
    process_harden();
    process_harden(); /* twice is as good as once */
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) {
        return 1;
    }
    return prctl(PR_GET_DUMPABLE) == (SANITIZER_ADDRESS ? 1 : 0) ? 0 : 2;
}

static void a_hardened_process_says_so(void **state)
{
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1); /* or the test below tells nothing */
    assert_int_equal(in_child(harden_and_ask), 0);
    (void)state;
}

static int harden_and_crash(void)
{
    process_harden();
    (void)signal(SIGQUIT, SIG_DFL);
    (void)raise(SIGQUIT);
    return 0;
}

static void it_leaves_no_core(void **state)
{
    int status = in_child(harden_and_crash);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGQUIT);
    assert_false(WCOREDUMP(status));
    (void)state;
}

struct variable_row {
    const char *entry;
    bool secret;
};

static void secret_variables_are_known_by_their_names(void **state)
{
    static const struct variable_row rows[] = {
        {"PGPASSWORD=x",                        true },
        {"PGPASSWORD=",                         true },
        {"PGPASSWORD",                          true },
        {"PGPASSWORD=a=b",                      true },
        {"SLUICE_SOURCE=host=x password=y",     true },
        {"SLUICE_DESTINATION=postgres://u:p@h", true },
        {"AWS_SECRET_ACCESS_KEY=x",             true },
        {"AWS_SESSION_TOKEN=x",                 true },
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN=x", true },
        {"PGPASSFILE=/x",                       false},
        {"PGPASSWORD2=x",                       false},
        {"PGPASSWOR=x",                         false},
        {"pgpassword=x",                        false},
        {"X=PGPASSWORD=x",                      false},
        {"=PGPASSWORD",                         false},
        {"AWS_ACCESS_KEY_ID=x",                 false},
        {"SLUICE_JOBS=4",                       false},
        {"",                                    false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_secret_variable(rows[i].entry) != rows[i].secret) {
            fail_msg("%s: %d", rows[i].entry, !rows[i].secret);
        }
    }
    (void)state;
}

static void a_child_gets_the_others_in_order(void **state)
{
    char path[] = "PATH=/bin";
    char password[] = "PGPASSWORD=x";
    char host[] = "PGHOST=h";
    char token[] = "AWS_SESSION_TOKEN=t";
    char *const all[] = {password, path, token, host, password, NULL};
    char *const none[] = {NULL};

    char **kept = child_environment(all);
    assert_non_null(kept);
    assert_ptr_equal(kept[0], path);
    assert_ptr_equal(kept[1], host);
    assert_null(kept[2]);
    free(kept);
    kept = child_environment(none);
    assert_non_null(kept);
    assert_null(kept[0]);
    free(kept);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hardened_process_says_so),
        cmocka_unit_test(it_leaves_no_core),
        cmocka_unit_test(secret_variables_are_known_by_their_names),
        cmocka_unit_test(a_child_gets_the_others_in_order),
    };
    return cmocka_run_group_tests_name("hardening", tests, NULL, NULL);
}
