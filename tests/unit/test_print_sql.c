/* print_sql: two parts, each with a role and no more rights than a load needs. */
#include "unit.h"

#include "cli/print_sql.h"
#include "job/ledger.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char plain[] = "sluice";
static char odd[] = "My \"own\"";

struct parts {
    struct buf all;
    char *source;
    const char *destination; /* within all */
};

static void open_parts(struct parts *p, enum load_mode mode, char *ledger_schema)
{
    struct spec spec = {.mode = mode, .ledger_schema = ledger_schema};
    buf_init(&p->all, BUF_SQL_MAX);
    print_sql(&spec, &p->all);
    const char *text = buf_str(&p->all);
    const char *source = strstr(text, "\n-- On the source\n");
    p->destination = strstr(text, "\n-- On the destination\n");
    assert_non_null(source);
    assert_non_null(p->destination);
    assert_true(source < p->destination);
    p->source = calloc(1, (size_t)(p->destination - source) + 1);
    assert_non_null(p->source);
    memcpy(p->source, source, (size_t)(p->destination - source));
}

static void close_parts(struct parts *p)
{
    free(p->source);
    buf_free(&p->all);
}

static void the_source_is_only_read(void **state)
{
    static const char *const never[] = {"INSERT", "UPDATE", "DELETE", "TRUNCATE",
                                        "sluice_destination"};
    struct parts p;
    (void)state;
    open_parts(&p, MODE_TRUNCATE, plain);
    assert_non_null(strstr(p.source, "CREATE ROLE sluice_source LOGIN;\n"));
    assert_non_null(strstr(p.source, "'GRANT USAGE ON SCHEMA %s TO sluice_source'"));
    assert_non_null(strstr(p.source, "'GRANT SELECT ON ALL TABLES IN SCHEMA %s TO sluice_source'"));
    assert_non_null(
        strstr(p.source, "'GRANT SELECT ON ALL SEQUENCES IN SCHEMA %s TO sluice_source'"));
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        assert_null(strstr(p.source, never[i]));
    }
    close_parts(&p);
}

static void the_destination_gets_what_the_mode_needs(void **state)
{
    static const struct {
        enum load_mode mode;
        const char *tables;
    } rows[] = {
        {MODE_ERROR,    "'GRANT INSERT ON ALL TABLES IN SCHEMA %s TO sluice_destination'"},
        {MODE_APPEND,   "'GRANT INSERT ON ALL TABLES IN SCHEMA %s TO sluice_destination'"},
        {MODE_TRUNCATE,
         "'GRANT INSERT, TRUNCATE ON ALL TABLES IN SCHEMA %s TO sluice_destination'"     },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct parts p;
        open_parts(&p, rows[i].mode, plain);
        assert_non_null(strstr(p.destination, "CREATE ROLE sluice_destination LOGIN;\n"));
        assert_non_null(strstr(p.destination, rows[i].tables));
        assert_non_null(strstr(p.destination, "'GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA %s"
                                              " TO sluice_destination'"));
        assert_null(strstr(p.destination, "sluice_source"));
        /* It has to work before PostgreSQL 15, which does not know it. */
        assert_non_null(strstr(p.destination, "\n-- GRANT SET ON PARAMETER"));
        close_parts(&p);
    }
}

static void the_ledger_is_made_and_granted(void **state)
{
    static const struct {
        char *schema;
        const char *create;
        const char *grant;
        const char *tables;
    } rows[] = {
        {plain, "CREATE SCHEMA IF NOT EXISTS \"sluice\";\n",
         "GRANT USAGE ON SCHEMA \"sluice\" TO sluice_destination;\n",         "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"sluice\" TO"
         " sluice_destination;\n"        },
        {odd,   "CREATE SCHEMA IF NOT EXISTS \"My \"\"own\"\"\";\n",
         "GRANT USAGE ON SCHEMA \"My \"\"own\"\"\" TO sluice_destination;\n", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"My \"\"own\"\"\" TO"
         " sluice_destination;\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct parts p;
        struct buf ddl;
        buf_init(&ddl, BUF_SQL_MAX);
        ledger_ddl(rows[i].schema, &ddl);
        open_parts(&p, MODE_ERROR, rows[i].schema);
        const char *create = strstr(p.destination, rows[i].create);
        const char *made = strstr(p.destination, buf_str(&ddl));
        const char *grant = strstr(p.destination, rows[i].grant);
        const char *tables = strstr(p.destination, rows[i].tables);
        assert_true(create != NULL && made != NULL && grant != NULL && tables != NULL);
        assert_true(create < made && made < tables);
        close_parts(&p);
        buf_free(&ddl);
    }
}

/* What is meant for format() is one percent sign, and no text is left open. */
static void the_text_is_whole(void **state)
{
    struct parts p;
    size_t dollars = 0;
    size_t quotes = 0;
    (void)state;
    open_parts(&p, MODE_TRUNCATE, plain);
    assert_null(strstr(buf_str(&p.all), "%%"));
    for (const char *at = buf_str(&p.all); *at != '\0'; at++) {
        dollars += strncmp(at, "$sluice$", 8) == 0;
        quotes += *at == '\'';
    }
    assert_int_equal(dollars, 4);
    assert_int_equal(quotes % 2, 0);
    close_parts(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_is_only_read),
        cmocka_unit_test(the_destination_gets_what_the_mode_needs),
        cmocka_unit_test(the_ledger_is_made_and_granted),
        cmocka_unit_test(the_text_is_whole),
    };

    return cmocka_run_group_tests_name("print_sql", tests, NULL, NULL);
}
