/* plan_rules: the modes that a job file wishes for, beside what the destination's tables are. */
#include "unit.h"

#include "job/plan_internal.h"

#include <stdbool.h>
#include <string.h>

#define KEYS_MAX 3

static char schema_name[] = "public";
static char table_name[] = "t";

static char *text(const char *constant)
{
    union { /* nothing here writes to the names */
        const char *in;
        char *out;
    } u = {.in = constant};
    return u.out;
}

struct mode_row {
    const char *name;
    enum table_mode wish, is;
    const char *keys[KEYS_MAX + 1];
    const char *is_key;
    const char *say; /* NULL: fits */
};

static const struct mode_row mode_rows[] = {
    {"the same",                   TABLE_SHARDED,     TABLE_SHARDED,   {"a"},      "HASH (a)",            NULL                                                                  },
    {"no key wished",              TABLE_SHARDED,     TABLE_SHARDED,   {NULL},     "HASH (a)",            NULL                                                                  },
    {"only a key wished",          TABLE_MODE_UNSAID, TABLE_SHARDED,   {"a"},      "HASH (a)",            NULL                                                                  },
    {"two keys",                   TABLE_SHARDED,     TABLE_SHARDED,   {"a", "b"}, "HASH (a, b)",         NULL                                                                  },
    {"quoted keys",                TABLE_SHARDED,     TABLE_SHARDED,   {"A, \"b"}, "HASH (\"A, \"\"b\")", NULL                                                                  },
    {"a reference table",          TABLE_REFERENCE,   TABLE_REFERENCE, {NULL},     "",                    NULL                                                                  },
    {"a standard table",           TABLE_STANDARD,    TABLE_STANDARD,  {NULL},     "",                    NULL                                                                  },
    {"another key",
     TABLE_SHARDED,                                   TABLE_SHARDED,
     {"b"},
     "HASH (a)",                                                                                          "f.yaml:9: table public.t is to be sharded by (b), and on the destination it is sharded by "
     "HASH "
     "(a)"                                                                                                                                                      },
    {"keys in another order",
     TABLE_SHARDED,                                   TABLE_SHARDED,
     {"b", "a"},
     "HASH (a, b)",                                                                                       "sharded by (b, a)"                                                   },
    {"a key less",                 TABLE_SHARDED,     TABLE_SHARDED,   {"a"},      "HASH (a, b)",         "sharded by (a), and"                                                 },
    {"a key more",                 TABLE_SHARDED,     TABLE_SHARDED,   {"a", "b"}, "HASH (a)",            "sharded by (a, b), and"                                              },
    {"another mode",
     TABLE_REFERENCE,                                 TABLE_SHARDED,
     {NULL},
     "HASH (a)",                                                                                          "is to be reference, and on the destination it is sharded by HASH (a)"},
    {"a key for a standard table",
     TABLE_MODE_UNSAID,                               TABLE_STANDARD,
     {"a"},
     "",                                                                                                  "is to be sharded by (a), and on the destination it is standard"      },
};

struct world {
    struct spec spec;
    struct findings findings;
    struct relation items[2];
    struct choice choices[2];
    const struct relation *targets[2];
    struct limitless_table table;
    struct limitless_tables modes;
    struct plan_result out;
    struct build build;
};

/* Two source tables that go into one. */
static void open_world(struct world *w, const struct mode_row *row, struct text_list *keys)
{
    *w = (struct world){
        .spec = {.config = text("f.yaml")             },
        .table = { .schema = schema_name,
                 .name = table_name,
                 .mode = row->is,
                 .distribution_key = text(row->is_key)},
    };
    for (size_t i = 0; i < 2; i++) {
        w->items[i] = (struct relation){.schema = schema_name,
                                        .name = table_name,
                                        .root_schema = schema_name,
                                        .root_name = table_name};
        w->choices[i] = (struct choice){
            .mode = row->wish, .shard_key = keys->count > 0 ? keys : NULL, .mode_line = 9};
        w->targets[i] = &w->items[0];
    }
    w->modes = (struct limitless_tables){.items = &w->table, .count = 1};
    w->out.source = (struct relation_list){.items = w->items, .count = 2};
    w->build = (struct build){.spec = &w->spec,
                              .findings = &w->findings,
                              .choices = w->choices,
                              .modes = &w->modes,
                              .out = &w->out,
                              .target_of = w->targets};
}

static struct text_list list_keys(const struct mode_row *row, char *items[KEYS_MAX])
{
    struct text_list keys = {.items = items};
    while (row->keys[keys.count] != NULL) {
        items[keys.count] = text(row->keys[keys.count]);
        keys.count++;
    }
    return keys;
}

static void a_mode_that_cannot_be_is_said_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mode_rows); i++) {
        const struct mode_row *row = &mode_rows[i];
        char *items[KEYS_MAX];
        struct text_list keys = list_keys(row, items);
        struct world w;
        open_world(&w, row, &keys);
        plan_check_modes(&w.build);
        if (w.findings.blockers != (row->say != NULL)) {
            print_message("%s: %zu\n", row->name, w.findings.blockers);
        }
        assert_int_equal(w.findings.blockers, row->say != NULL);
        if (row->say != NULL && w.findings.items != NULL) {
            assert_non_null(strstr(w.findings.items[0].text, row->say));
        }
        assert_int_equal(plan_is_reference(&w.build, &w.items[0]), row->is == TABLE_REFERENCE);
        findings_free(&w.findings);
    }
}

static void elsewhere_modes_are_left_aside(void **state)
{
    char *items[KEYS_MAX];
    struct text_list keys = list_keys(&mode_rows[0], items);
    struct world w;
    (void)state;
    open_world(&w, &mode_rows[0], &keys);
    w.build.modes = NULL;
    plan_check_modes(&w.build);
    assert_int_equal(w.findings.blockers, 0);
    assert_int_equal(w.findings.count, 1);
    assert_false(plan_is_reference(&w.build, &w.items[0]));
    findings_free(&w.findings);
    w.choices[0] = (struct choice){.mode = TABLE_MODE_UNSAID};
    w.choices[1] = (struct choice){.mode = TABLE_MODE_UNSAID};
    plan_check_modes(&w.build);
    assert_int_equal(w.findings.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mode_that_cannot_be_is_said_once),
        cmocka_unit_test(elsewhere_modes_are_left_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
