/* aws_setup: facts from options, and the SQL, scripts and files made from facts. AWS itself is not
 * asked. */
#include "aws_setup_fixture.h"

#include "cli/aws_setup_shell.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- facts ---- */

static void options_become_facts(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "host=" CLUSTER_HOST " dbname=shop user=reader",
               "rds:shop-limitless/postgres_limitless user=loader");
    b.spec.destination_auth.iam = true;
    read_facts(&b);
    const struct setup_side *s = &b.facts.sides[SETUP_SOURCE];
    assert_string_equal(s->host, CLUSTER_HOST);
    assert_string_equal(s->database, "shop");
    assert_string_equal(s->user, "reader");
    assert_string_equal(s->region, "eu-west-1");
    const struct setup_side *d = &b.facts.sides[SETUP_DESTINATION];
    assert_string_equal(d->identifier, "shop-limitless");
    assert_string_equal(d->database, "postgres_limitless");
    assert_string_equal(d->user, "loader");
    assert_string_equal(d->host, "");
    /* The other side's Region is taken, with a resource id left to find. */
    fill_facts(&b, "");
    assert_string_equal(b.facts.region, "eu-west-1");
    assert_string_equal(d->region, "eu-west-1");
    assert_string_equal(d->resource_id, "DESTINATION_CLUSTER_RESOURCE_ID");
    assert_true(setup_has_gap(&b.facts, "DESTINATION_CLUSTER_RESOURCE_ID"));
    assert_false(setup_has_gap(&b.facts, "SOURCE_CLUSTER_RESOURCE_ID"));
    close_bench(&b);
}

static void arns_and_iam_hosts_say_where(void **state)
{
    static char secret[] = SECRET_ARN;
    static char role[] = ROLE_ARN;
    static char iam_host[] = CLUSTER_HOST ":6432";
    struct bench b;
    (void)state;
    open_bench(&b, "host=/run/postgresql dbname=a", "host=localhost port=7000 user=u dbname=b");
    b.spec.source_auth.secret = secret;
    b.spec.destination_auth = (struct side_auth){.iam = true, .iam_host = iam_host};
    b.spec.destination_auth.role_arn = role;
    read_facts(&b);
    assert_string_equal(b.facts.sides[SETUP_SOURCE].region, "eu-west-1");
    assert_true(b.facts.sides[SETUP_SOURCE].user_guessed);
    assert_string_equal(b.facts.sides[SETUP_SOURCE].user, "sluice_source");
    assert_string_equal(b.facts.sides[SETUP_DESTINATION].host, CLUSTER_HOST);
    assert_string_equal(b.facts.sides[SETUP_DESTINATION].account, "444455556666");
    close_bench(&b);
}

static void an_rds_name_may_be_an_arn(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "rds:arn:aws-cn:rds:cn-north-1:444455556666:cluster:shop/a user=u", "rds:other");
    read_facts(&b);
    const struct setup_side *s = &b.facts.sides[SETUP_SOURCE];
    assert_string_equal(s->identifier, "arn:aws-cn:rds:cn-north-1:444455556666:cluster:shop");
    assert_string_equal(s->database, "a");
    assert_string_equal(s->region, "cn-north-1");
    assert_string_equal(s->account, "444455556666");
    assert_string_equal(b.facts.sides[SETUP_DESTINATION].identifier, "other");
    close_bench(&b);
}

static void names_that_would_end_a_line_are_refused(void **state)
{
    static const char *const bad[] = {"user='a\nb' dbname=x", "user=a dbname='x\ty'",
                                      "rds:a\x01/x user=c",   "rds:a/x\x02 user=c",
                                      "user=a\xff dbname=x",  "host='a\rb' user=c dbname=x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bench b;
        struct err err = {.kind = ERR_NONE};
        open_bench(&b, bad[i], "dbname=y user=z");
        assert_false(setup_facts_read(&b.spec, &b.facts, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_int_equal(strncmp(err.msg, "--source: the ", 14), 0);
        assert_null(b.facts.partition);
        close_bench(&b);
    }
}

static void principals_that_last(void **state)
{
    static const struct {
        const char *caller, *principal, *name;
    } rows[] = {
        {"arn:aws:sts::111122223333:assumed-role/loader/i-0abc",
         "arn:aws:iam::111122223333:role/loader",                                                            "role/loader"},
        {"arn:aws-cn:sts::111122223333:assumed-role/a@b/s/t",
         "arn:aws-cn:iam::111122223333:role/a@b",                                                            "role/a@b"   },
        {"arn:aws:iam::111122223333:user/team/anna",             "arn:aws:iam::111122223333:user/team/anna",
         "user/anna"                                                                                                      },
        {"arn:aws:iam::111122223333:root",                       "arn:aws:iam::111122223333:root",           ""           },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct setup_facts f = {.partition = NULL};
        struct err err;
        assert_true(setup_set_principal(&f, rows[i].caller, &err));
        assert_string_equal(f.principal, rows[i].principal);
        assert_string_equal(f.principal_name, rows[i].name);
        setup_facts_free(&f);
    }
}

static void role_names_and_paths(void **state)
{
    char path[64];
    (void)state;
    assert_string_equal(setup_role_name(ROLE_ARN, path, sizeof path), "sluice-reader");
    assert_string_equal(path, "/team/");
    assert_string_equal(setup_role_name("arn:aws:iam::1:role/x", path, sizeof path), "x");
    assert_string_equal(path, "/");
    assert_false(setup_other_account(SECRET_ARN, KEY_ARN));
    assert_true(setup_other_account(SECRET_ARN, ROLE_ARN));
    /* What is not known is not taken for another one. */
    assert_false(setup_other_account("PRINCIPAL_ARN", ROLE_ARN));
    assert_false(setup_other_account("arn:aws:iam::ACCOUNT_ID:role/x", ROLE_ARN));
    assert_false(setup_other_account("arn:aws:iam::1", ROLE_ARN));
    assert_true(setup_other_account("arn:aws:iam:REGION_CODE:1:x", ROLE_ARN));
}

/* apply.sh looks for placeholders in itself too, and they are replaced there. */
static void assert_in_no_fixed_line(const struct setup_facts *f)
{
    const char *const *const parts[] = {setup_shell_common, setup_apply_head, setup_apply_functions,
                                        setup_cleanup_head, setup_cleanup_functions};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (size_t line = 0; parts[i][line] != NULL; line++) {
            for (size_t g = 0; g < f->gap_count; g++) {
                const char *p = f->gaps[g].placeholder;
                assert_true(p[0] == '\0' || strstr(parts[i][line], p) == NULL);
            }
        }
    }
}

static void without_aws_there_are_placeholders(void **state)
{
    static char secret[] = "shop/reader";
    static char file[] = "pw.kms";
    static char key[] = "alias/spill";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    b.spec.destination_auth.password_kms = file;
    b.spec.spill_kms_key = key;
    b.spec.aws.utility = true;
    read_facts(&b);
    fill_facts(&b, "no credentials:\nnone at all");
    static const char *const want[] = {"ACCOUNT_ID", "REGION_CODE", "PRINCIPAL_ARN",
                                       "DESTINATION_KMS_KEY_ARN", "SPILL_KMS_KEY_ARN"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(setup_has_gap(&b.facts, want[i]));
    }
    assert_string_equal(b.facts.sides[SETUP_SOURCE].secret_arn,
                        "arn:aws:secretsmanager:REGION_CODE:ACCOUNT_ID:secret:shop/reader-??????");
    make_files(&b);
    const char *readme = text_of(&b, "README.md");
    assert_has(readme, "AWS could not be asked: no credentials: none at all\n");
    assert_has(readme, "- `ACCOUNT_ID`: ");
    assert_has(readme, "`PRINCIPAL_ARN`");
    assert_has(readme, "needs a secret for either side");
    assert_in_no_fixed_line(&b.facts);
    /* apply.sh looks for them, in a way that replacing them does not reach. */
    assert_has(text_of(&b, "apply.sh"), "\nneed_filled AC'COUNT_ID'\n");
    assert_has(text_of(&b, "apply.sh"), "\nneed_filled DE'STINATION_KMS_KEY_ARN'\n");
    assert_has(text_of(&b, "apply.sh"), "PRINCIPAL=${PRINCIPAL:-''}\n");
    close_bench(&b);
}

/* ---- SQL and shell ---- */

static void sql_quotes_and_grants(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user='Rea\"der; DROP'", "dbname=b user=sluice_destination");
    b.spec.source_auth.iam = true;
    read_facts(&b);
    know_caller(&b);
    fill_facts(&b, "");
    make_files(&b);
    const char *sql = text_of(&b, "source.sql");
    assert_has(sql, "CREATE ROLE sluice_source LOGIN;\n");
    assert_has(sql, "CREATE ROLE \"Rea\"\"der; DROP\" LOGIN;\n");
    assert_has(sql, "GRANT sluice_source TO \"Rea\"\"der; DROP\";\n");
    assert_has(sql, "GRANT rds_iam TO \"Rea\"\"der; DROP\";\n");
    assert_null(strstr(sql, "\\password"));
    assert_null(strstr(sql, "sluice_destination"));
    sql = text_of(&b, "destination.sql");
    assert_has(sql, "CREATE ROLE sluice_destination LOGIN;\n");
    assert_has(sql, "\n--   \\password \"sluice_destination\"\n");
    assert_null(strstr(sql, "rds_iam"));
    assert_null(strstr(sql, "GRANT sluice_destination TO"));
    assert_null(strstr(sql, "sluice_source"));
    close_bench(&b);
}

static void shell_words(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain",            "'plain'"               },
        {"",                 "''"                    },
        {"it's $HOME `id`;", "'it'\\''s $HOME `id`;'"},
        {"'",                "''\\'''"               },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 100);
        setup_shell_word(&out, rows[i].text);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_free(&out);
    }
}

static void odd_secret_names_stay_one_word(void **state)
{
    static char secret[] = "shop/it's $(id)";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    read_facts(&b);
    know_caller(&b);
    fill_facts(&b, "");
    make_files(&b);
    assert_has(text_of(&b, "apply.sh"), "\nmake_secret 'source' 'shop/it'\\''s $(id)' ");
    assert_has(text_of(&b, "cleanup.sh"), "\ndrop_secret 'source' 'shop/it'\\''s $(id)' ");
    /* No password is ever an argument. */
    assert_has(text_of(&b, "apply.sh"), "--secret-string file:///dev/stdin");
    close_bench(&b);
}

static void without_aws_on_either_side_there_is_no_policy(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    read_facts(&b);
    know_caller(&b);
    fill_facts(&b, "");
    make_files(&b);
    assert_false(setup_wants_policy(&b.facts));
    assert_null(text_of(&b, "policy-sluice.json"));
    assert_null(strstr(text_of(&b, "apply.sh"), "\nput_principal_policy '"));
    assert_non_null(text_of(&b, "source.sql"));
    close_bench(&b);
}

/* ---- files ---- */

static void remove_all(const char *directory)
{
    DIR *dir = opendir(directory);
    char path[512];
    assert_non_null(dir);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit test has one thread. */
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        (void)unlink(path);
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(directory), 0);
}

static void files_are_ours_alone(void **state)
{
    char base[] = "/tmp/sluice-setup-XXXXXX";
    char out[64];
    char path[160];
    struct stat st;
    struct bench b;
    struct err err = {.kind = ERR_NONE};
    (void)state;
    assert_non_null(mkdtemp(base));
    (void)snprintf(out, sizeof out, "%s/out", base);
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    read_facts(&b);
    fill_facts(&b, "");
    make_files(&b);
    assert_true(setup_files_write(&b.files, out, &err));
    assert_int_equal(stat(out, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof path, "%s/apply.sh", out);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof path, "%s/source.sql", out);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal((size_t)st.st_size, strlen(text_of(&b, "source.sql")));
    /* A directory that is there is left as it is. */
    assert_false(setup_files_write(&b.files, out, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_int_equal(stat(path, &st), 0);
    remove_all(out);
    /* What was made goes again when a later file cannot be made. */
    (void)snprintf(b.files.items[2].name, sizeof b.files.items[2].name, "no/such/folder");
    assert_false(setup_files_write(&b.files, out, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(stat(out, &st), -1);
    assert_int_equal(rmdir(base), 0);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_become_facts),
        cmocka_unit_test(arns_and_iam_hosts_say_where),
        cmocka_unit_test(an_rds_name_may_be_an_arn),
        cmocka_unit_test(names_that_would_end_a_line_are_refused),
        cmocka_unit_test(principals_that_last),
        cmocka_unit_test(role_names_and_paths),
        cmocka_unit_test(without_aws_there_are_placeholders),
        cmocka_unit_test(sql_quotes_and_grants),
        cmocka_unit_test(shell_words),
        cmocka_unit_test(odd_secret_names_stay_one_word),
        cmocka_unit_test(without_aws_on_either_side_there_is_no_policy),
        cmocka_unit_test(files_are_ours_alone),
    };

    return cmocka_run_group_tests_name("aws_setup", tests, NULL, NULL);
}
