/* snapshot_lock_sql: every kind of relation is locked, in statements of a bounded length. */
#include "unit.h"

#include "base/buf.h"
#include "job/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T(s, n, k)                              \
    {                                           \
        .schema = (s), .name = (n), .kind = (k) \
    }
#define Q(s, n, k)                                                \
    {                                                             \
        .schema = (s), .name = (n), .kind = (k), .by_query = true \
    }
#define SHARE " IN ACCESS SHARE MODE; "

static void each_kind_is_locked_in_its_way(void **state)
{
    static const struct {
        const char *name;
        size_t count;
        struct locked_table tables[6];
        const char *want;
    } rows[] = {
        {"none",                              0, {{0}},                                                  ""                                             },
        {"a table",                           1, {T("s", "t", 'r')},                                     "LOCK TABLE ONLY \"s\".\"t\"" SHARE            },
        {"a partitioned table",               1, {T("s", "p", 'p')},                                     "LOCK TABLE ONLY \"s\".\"p\"" SHARE            },
 /* LOCK TABLE has no ONLY for a view: it locks what the view reads as well. */
        {"a view",                            1, {T("s", "v", 'v')},                                     "LOCK TABLE \"s\".\"v\"" SHARE                 },
        {"a materialised view",               1, {T("s", "m", 'm')},                                     "SELECT FROM ONLY \"s\".\"m\" LIMIT 0; "       },
        {"a foreign table",                   1, {T("s", "f", 'f')},                                     "SELECT FROM ONLY \"s\".\"f\" LIMIT 0; "       },
        {"a table that is locked by a query",
         1,                                      {Q("s", "t", 'r')},
         "SELECT FROM ONLY \"s\".\"t\" LIMIT 0; "                                                                                                       },
        {"a query among locks",
         3,                                      {T("s", "a", 'r'), Q("s", "b", 'p'), T("s", "c", 'r')},
         "LOCK TABLE ONLY \"s\".\"a\", ONLY \"s\".\"c\"" SHARE
         "SELECT FROM ONLY \"s\".\"b\" LIMIT 0; "                                                                                                       },
        {"quotes",                            1, {T("S \"x\"", "t.u", 'r')},                             "LOCK TABLE ONLY \"S \"\"x\"\"\".\"t.u\"" SHARE},
        {"a mixture",
         6,                                      {T("s", "m", 'm'), T("s", "t", 'r'), T("s", "f", 'f'), T("s", "v", 'v'), T("s", "p", 'p'),
          T("s", "u", 'r')},
         "LOCK TABLE ONLY \"s\".\"t\", \"s\".\"v\", ONLY \"s\".\"p\", ONLY \"s\".\"u\"" SHARE
         "SELECT FROM ONLY \"s\".\"m\" LIMIT 0; SELECT FROM ONLY \"s\".\"f\" LIMIT 0; "                                                                 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *sql = snapshot_lock_sql(rows[i].tables, rows[i].count);
        assert_non_null(sql);
        if (strcmp(sql, rows[i].want) != 0) {
            print_message("%s\n", rows[i].name);
        }
        assert_string_equal(sql, rows[i].want);
        free(sql);
    }
}

#define TABLES_MAX 1000
#define IN_ONE     200

struct many {
    char name[TABLES_MAX][8];
    struct locked_table tables[TABLES_MAX];
};

static int setup(void **state)
{
    struct many *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return -1;
    }
    for (size_t i = 0; i < TABLES_MAX; i++) {
        (void)snprintf(m->name[i], sizeof m->name[i], "t%zu", i);
        m->tables[i] = (struct locked_table){.schema = "s", .name = m->name[i], .kind = 'r'};
    }
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* The same, written down in another way: statement by statement. */
static void add_want(const struct many *m, size_t count, struct buf *b)
{
    for (size_t from = 0; from < count; from += IN_ONE) {
        size_t to = from + IN_ONE < count ? from + IN_ONE : count;
        buf_puts(b, "LOCK TABLE ");
        for (size_t i = from; i < to; i++) {
            buf_printf(b, "%sONLY \"s\".\"%s\"", i == from ? "" : ", ", m->name[i]);
        }
        buf_puts(b, SHARE);
    }
}

static void many_tables_are_several_statements(void **state)
{
    static const size_t counts[] = {1, 199, 200, 201, 399, 400, 401, TABLES_MAX};
    const struct many *m = *state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct buf want;
        buf_init(&want, 1u << 20);
        add_want(m, counts[i], &want);
        char *sql = snapshot_lock_sql(m->tables, counts[i]);
        assert_non_null(sql);
        assert_string_equal(sql, buf_str(&want));
        free(sql);
        buf_free(&want);
    }
}

/* Other kinds in between do not fill a statement. */
static void other_kinds_do_not_count(void **state)
{
    struct many *m = *state;
    size_t locks = 0;
    size_t selects = 0;
    for (size_t i = 0; i < 600; i++) {
        m->tables[i].kind = i % 3 == 0 ? 'm' : 'r';
    }
    char *sql = snapshot_lock_sql(m->tables, 600);
    assert_non_null(sql);
    for (const char *p = strstr(sql, "LOCK TABLE "); p != NULL; p = strstr(p + 1, "LOCK TABLE ")) {
        locks++;
    }
    for (const char *p = strstr(sql, "SELECT "); p != NULL; p = strstr(p + 1, "SELECT ")) {
        selects++;
    }
    free(sql);
    assert_int_equal(locks, 2);
    assert_int_equal(selects, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_locked_in_its_way),
        cmocka_unit_test_setup_teardown(many_tables_are_several_statements, setup, teardown),
        cmocka_unit_test_setup_teardown(other_kinds_do_not_count, setup, teardown),
    };

    return cmocka_run_group_tests_name("snapshot_sql", tests, NULL, NULL);
}
