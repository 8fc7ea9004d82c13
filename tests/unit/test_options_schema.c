/* The options about making the schema: with --with-schema, and not without it. */
#include "unit.h"

#include "tests/unit/options_line.h"

static void with_schema_takes_them(void **state)
{
    struct parsed p;
    parse_good(&p, SERVERS "--with-schema|--keep-going|--maintenance-memory|1GB|"
                           "--maintenance-workers|0|--pg-bindir|/usr/bin");
    assert_true(p.spec.with_schema && p.spec.schema.keep_going && p.spec.schema.workers_given);
    assert_int_equal(p.spec.schema.memory_bytes, UINT64_C(1) << 30);
    assert_string_equal(p.spec.schema.bindir, "/usr/bin");
    spec_free(&p.spec);
    parse_good(&p, SERVERS "-v");
    assert_false(p.spec.with_schema);
    spec_free(&p.spec);
    (void)state;
}

static void without_it_they_are_refused(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } rows[] = {
        {SERVERS "--keep-going",                         "--keep-going is about making the schema"},
        {SERVERS "--maintenance-memory|1GB",             "--maintenance-memory is about"          },
        {SERVERS "--maintenance-workers|2",              "--maintenance-workers is about"         },
        {SERVERS "--create-tables|--pg-bindir|/usr/bin", "add --with-schema"                      },
        {SERVERS "--with-schema|--emit|x",               "unknown option --emit"                  },
        {SERVERS "--with-schema=1",                      "takes no value"                         },
    };
    struct parsed p;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(&p, rows[i].line);
        if (p.ok || p.err.kind != ERR_USAGE || strstr(p.err.msg, rows[i].said) == NULL) {
            fail_msg("%s: %s", rows[i].line, p.ok ? "taken" : p.err.msg);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

/* It may be set for all commands. */
static void a_variable_is_no_mistake(void **state)
{
    struct parsed p;
    put_variable("SLUICE_PG_BINDIR", "/usr/bin");
    parse_good(&p, SERVERS "-v");
    assert_string_equal(p.spec.schema.bindir, "/usr/bin");
    spec_free(&p.spec);
    put_variable("SLUICE_PG_BINDIR", NULL);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(with_schema_takes_them, clear_environment),
        cmocka_unit_test_setup(without_it_they_are_refused, clear_environment),
        cmocka_unit_test_setup(a_variable_is_no_mistake, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
