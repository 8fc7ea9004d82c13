/* ledger_ddl: every table of the ledger, in the schema that was asked for, quoted. */
#include "unit.h"

#include "job/ledger.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const tables[] = {"job",        "snapshot", "job_table", "chunk",
                                     "chunk_done", "lease",    "event"};

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *p = strstr(text, part); p != NULL; p = strstr(p + 1, part)) {
        count++;
    }
    return count;
}

static void each_table_is_made_once_in_the_schema(void **state)
{
    static const struct {
        const char *schema;
        const char *quoted;
    } rows[] = {
        {"sluice",     "\"sluice\""        },
        {"My \"own\"", "\"My \"\"own\"\"\""},
        {"%1$s",       "\"%1$s\""          },
        {"a.b; --",    "\"a.b; --\""       },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf sql;
        buf_init(&sql, BUF_SQL_MAX);
        ledger_ddl(rows[i].schema, &sql);
        for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
            char want[200];
            (void)snprintf(want, sizeof want, "CREATE TABLE IF NOT EXISTS %s.%s (\n",
                           rows[i].quoted, tables[t]);
            assert_int_equal(count_of(buf_str(&sql), want), 1);
        }
        assert_int_equal(count_of(buf_str(&sql), "CREATE "), ARRAY_LEN(tables));
        assert_int_equal(count_of(buf_str(&sql), rows[i].quoted), ARRAY_LEN(tables));
        assert_int_equal(count_of(buf_str(&sql), "PRIMARY KEY"), ARRAY_LEN(tables));
        buf_free(&sql);
    }
}

/* On a sharded destination these have to stay plain tables. */
static void nothing_but_plain_tables(void **state)
{
    static const char *const never[] = {"IDENTITY", "SERIAL",     "serial", "WITH (",   "DEFAULT",
                                        "UNLOGGED", "REFERENCES", "INDEX",  "SEQUENCE", "%1$s"};
    struct buf sql;
    (void)state;
    buf_init(&sql, BUF_SQL_MAX);
    ledger_ddl("sluice", &sql);
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        assert_null(strstr(buf_str(&sql), never[i]));
    }
    assert_int_equal(count_of(buf_str(&sql), ");\n"), ARRAY_LEN(tables));
    assert_int_equal(count_of(buf_str(&sql), ";"), ARRAY_LEN(tables));
    buf_free(&sql);
}

static void it_is_appended(void **state)
{
    struct buf sql;
    (void)state;
    buf_init(&sql, BUF_SQL_MAX);
    buf_puts(&sql, "BEGIN;\n");
    ledger_ddl("s", &sql);
    assert_memory_equal(buf_str(&sql), "BEGIN;\nCREATE TABLE", 19);
    buf_free(&sql);
}

static void the_prefix_is_quoted(void **state)
{
    struct ledger l;
    (void)state;
    ledger_init(&l, "My \"own\"", "nightly");
    assert_string_equal(buf_str(&l.prefix), "\"My \"\"own\"\"\".");
    assert_string_equal(l.job, "nightly");
    ledger_fini(&l);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_table_is_made_once_in_the_schema),
        cmocka_unit_test(nothing_but_plain_tables),
        cmocka_unit_test(it_is_appended),
        cmocka_unit_test(the_prefix_is_quoted),
    };

    return cmocka_run_group_tests_name("ledger_ddl", list, NULL, NULL);
}
