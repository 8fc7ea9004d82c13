/* order: who is loaded after whom, and whether foreign keys and triggers stay in force. */
#include "unit.h"

#include "job/order.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEYS_MAX   4
#define TABLES_MAX 4

/* Tables are 1, 2, ...; a key is {child, parent}. Tables that are named 9 are not loaded. */
struct keys {
    uint32_t pair[KEYS_MAX + 1][2];
};

/* Says which row of a table it was, when it was not as wanted. */
static bool same(const char *row, unsigned long got, unsigned long want)
{
    if (got != want) {
        print_message("%s: got %lu, want %lu\n", row, got, want);
    }
    return got == want;
}

static char key_name[] = "fk";
static char texts[10][12] = {"public.t0", "public.t1", "public.t2", "public.t3", "public.t4",
                             "public.t5", "public.t6", "public.t7", "public.t8", "public.t9"};
static const char *const names[] = {"t1", "t2", "t3", "t4"};

static struct foreign_key_list make_keys(const struct keys *from,
                                         struct foreign_key items[KEYS_MAX])
{
    struct foreign_key_list list = {.items = items};
    while (from->pair[list.count][0] != 0) {
        uint32_t child = from->pair[list.count][0];
        uint32_t parent = from->pair[list.count][1];
        items[list.count++] = (struct foreign_key){.child_oid = child,
                                                   .parent_oid = parent,
                                                   .name = key_name,
                                                   .child = texts[child],
                                                   .parent = texts[parent]};
    }
    return list;
}

static void make_tables(struct order_table tables[TABLES_MAX])
{
    for (size_t i = 0; i < TABLES_MAX; i++) {
        tables[i] = (struct order_table){.root_oid = (uint32_t)i + 1, .name = names[i]};
    }
}

static void levels(void **state)
{
    static const struct {
        const char *name;
        struct keys keys;
        unsigned level[TABLES_MAX];
        bool single[TABLES_MAX];
        const char *blocker; /* a part of it; NULL: none */
    } rows[] = {
        {"no keys",                             {{{0}}},                            {0, 0, 0, 0}, {0},                         NULL        },
        {"a child",                             {{{1, 2}}},                         {1, 0, 0, 0}, {0},                         NULL        },
        {"a chain, written the long way round",
         {{{1, 2}, {2, 3}, {3, 4}}},
         {3, 2, 1, 0},
         {0},
         NULL                                                                                                                              },
        {"a chain, the short way",              {{{3, 4}, {2, 3}, {1, 2}}},         {3, 2, 1, 0}, {0},                         NULL        },
        {"two parents: the longer way counts",  {{{1, 2}, {1, 3}, {3, 2}}},         {2, 0, 1, 0}, {0},                         NULL        },
        {"two keys between the same two",       {{{1, 2}, {1, 2}}},                 {1, 0, 0, 0}, {0},                         NULL        },
        {"a diamond",                           {{{1, 2}, {1, 3}, {2, 4}, {3, 4}}}, {2, 1, 1, 0}, {0},                         NULL        },
        {"a parent that is not loaded",         {{{1, 9}, {2, 1}}},                 {0, 1, 0, 0}, {0},                         NULL        },
        {"a child that is not loaded",          {{{9, 1}}},                         {0, 0, 0, 0}, {0},                         NULL        },
        {"a self-reference",                    {{{2, 2}}},                         {0, 0, 0, 0}, {false, true, false, false}, NULL        },
        {"a self-reference with a parent",
         {{{2, 2}, {2, 1}}},
         {0, 1, 0, 0},
         {false, true, false, false},
         NULL                                                                                                                              },
        {"a cycle of two",                      {{{1, 2}, {2, 1}}},                 {0, 0, 0, 0}, {0},                         "t1, t2"    },
        {"a cycle of three",                    {{{1, 2}, {2, 3}, {3, 1}}},         {0, 0, 0, 0}, {0},                         "t1, t2, t3"},
        {"a cycle of four",
         {{{2, 1}, {3, 2}, {4, 3}, {1, 4}}},
         {0, 0, 0, 0},
         {0},
         "t1, t2, t3, t4"                                                                                                                  },
        {"a cycle below a chain",               {{{3, 4}, {4, 3}, {1, 2}}},         {0, 0, 0, 0}, {0},                         "t3, t4;"   },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct foreign_key items[KEYS_MAX];
        struct order_table tables[TABLES_MAX];
        struct foreign_key_list keys = make_keys(&rows[i].keys, items);
        struct findings findings = {0};
        struct spec spec = {.triggers = TRIGGERS_KEEP};
        struct order order = {.may_disable = true};
        make_tables(tables);
        order_tables(&spec, &keys, tables, TABLES_MAX, &findings, &order);

        assert_false(order.disable);
        assert_true(same(rows[i].name, findings.blockers, rows[i].blocker != NULL));
        for (size_t t = 0; rows[i].blocker == NULL && t < TABLES_MAX; t++) {
            assert_true(same(rows[i].name, tables[t].level, rows[i].level[t]));
            assert_true(same(rows[i].name, tables[t].single_chunk, rows[i].single[t]));
        }
        if (rows[i].blocker != NULL) {
            assert_int_equal(findings_kind(&findings), ERR_USAGE);
            assert_non_null(strstr(findings.items[0].text, rows[i].blocker));
        }
        findings_free(&findings);
    }
}

static const struct {
    const char *name;
    enum triggers_choice triggers;
    enum load_mode mode;
    bool may_disable;
    bool filtered; /* table 2 */
    struct keys keys;
    bool disable;
    bool blocked;
    const char *why;
} force_rows[] = {
    {"keep wins over all",
     TRIGGERS_KEEP,                                               MODE_ERROR,
     true,                                                                             false,
     {{{0}}},
     false,                                                                                                     false,
     "--triggers keep"                                                                                                              },
    {"disable",
     TRIGGERS_DISABLE,                                            MODE_ERROR,
     true,                                                                             false,
     {{{0}}},
     true,                                                                                                      false,
     "--triggers disable"                                                                                                           },
    {"disable, append",
     TRIGGERS_DISABLE,                                            MODE_APPEND,
     true,                                                                             true,
     {{{1, 2}}},
     true,                                                                                                      false,
     "--triggers disable"                                                                                                           },
    {"disable without the right",
     TRIGGERS_DISABLE,                                            MODE_ERROR,
     false,                                                                            false,
     {{{0}}},
     true,                                                                                                      true,
     "--triggers disable"                                                                                                           },
    {"default",                                 TRIGGERS_DEFAULT, MODE_ERROR,    true, false, {{{1, 2}}}, true, false, "all parents"},
    {"default, truncate",
     TRIGGERS_DEFAULT,                                            MODE_TRUNCATE,
     true,                                                                             false,
     {{{1, 2}}},
     true,                                                                                                      false,
     "all parents"                                                                                                                  },
    {"default, append",
     TRIGGERS_DEFAULT,                                            MODE_APPEND,
     true,                                                                             false,
     {{{0}}},
     false,                                                                                                     false,
     "append"                                                                                                                       },
    {"default without the right",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     false,                                                                            false,
     {{{0}}},
     false,                                                                                                     false,
     "may not set"                                                                                                                  },
    {"a parent that is not loaded",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             false,
     {{{2, 1}, {1, 9}}},
     false,                                                                                                     false,
     "public.t1 references public.t9"                                                                                               },
    {"a child that is not loaded",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             false,
     {{{9, 1}}},
     true,                                                                                                      false,
     "all parents"                                                                                                                  },
    {"a parent that is filtered",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             true,
     {{{1, 2}}},
     false,                                                                                                     false,
     "public.t1 references public.t2"                                                                                               },
    {"a child that is filtered",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             true,
     {{{2, 1}}},
     true,                                                                                                      false,
     "all parents"                                                                                                                  },
    {"a filtered table that references itself",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             true,
     {{{2, 2}}},
     false,                                                                                                     false,
     "public.t2 references public.t2"                                                                                               },
    {"a cycle",
     TRIGGERS_DEFAULT,                                            MODE_ERROR,
     true,                                                                             false,
     {{{1, 2}, {2, 1}}},
     true,                                                                                                      false,
     "all parents"                                                                                                                  },
};

static void whether_they_stay_in_force(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(force_rows); i++) {
        struct foreign_key items[KEYS_MAX];
        struct order_table tables[TABLES_MAX];
        struct foreign_key_list keys = make_keys(&force_rows[i].keys, items);
        struct findings findings = {0};
        struct spec spec = {.triggers = force_rows[i].triggers, .mode = force_rows[i].mode};
        struct order order = {.may_disable = force_rows[i].may_disable};
        make_tables(tables);
        tables[1].partial = force_rows[i].filtered;
        order_tables(&spec, &keys, tables, TABLES_MAX, &findings, &order);

        assert_true(same(force_rows[i].name, order.disable, force_rows[i].disable));
        assert_non_null(strstr(order.why, force_rows[i].why));
        assert_true(same(force_rows[i].name, findings.blockers_auth, force_rows[i].blocked));
        assert_int_equal(findings.blockers, force_rows[i].blocked);
        for (size_t t = 0; order.disable && t < TABLES_MAX; t++) {
            assert_int_equal(tables[t].level, 0);
            assert_false(tables[t].single_chunk);
        }
        findings_free(&findings);
    }
}

/* Two leaves of one partitioned table are two tables with the same root. */
static void tables_of_one_root_go_together(void **state)
{
    static const struct keys with_parent = {{{1, 3}}};
    static const struct keys with_self = {{{1, 1}}};
    struct foreign_key items[KEYS_MAX];
    struct order_table tables[TABLES_MAX];
    struct findings findings = {0};
    struct spec spec = {.triggers = TRIGGERS_KEEP};
    struct order order = {.may_disable = true};
    (void)state;

    make_tables(tables);
    tables[1].root_oid = 1;
    struct foreign_key_list keys = make_keys(&with_parent, items);
    order_tables(&spec, &keys, tables, TABLES_MAX, &findings, &order);
    assert_int_equal(tables[0].level, 1);
    assert_int_equal(tables[1].level, 1);
    assert_int_equal(tables[2].level, 0);
    assert_int_equal(findings.count, 0);

    make_tables(tables);
    tables[1].root_oid = 1;
    keys = make_keys(&with_self, items);
    order_tables(&spec, &keys, tables, TABLES_MAX, &findings, &order);
    assert_int_equal(findings.blockers, 1);
    assert_non_null(strstr(findings.items[0].text, "2 tables"));
    assert_non_null(strstr(findings.items[0].text, "references itself (fk)"));
    findings_free(&findings);
}

/* A name that is a part of another one is still named. */
static void every_member_of_a_cycle_is_named(void **state)
{
    static const struct keys cycle = {
        {{1, 2}, {2, 1}}
    };
    struct foreign_key items[KEYS_MAX];
    struct foreign_key_list keys = make_keys(&cycle, items);
    struct order_table tables[] = {
        {.root_oid = 1, .name = "orders"},
        {.root_oid = 2, .name = "order" },
    };
    struct findings findings = {0};
    struct spec spec = {.triggers = TRIGGERS_KEEP};
    struct order order = {.may_disable = true};
    (void)state;
    order_tables(&spec, &keys, tables, 2, &findings, &order);
    assert_int_equal(findings.blockers, 1);
    bool named = strstr(findings.items[0].text, "orders, order;") != NULL;
    findings_free(&findings);
    assert_true(named);
}

/* A cycle of so many tables that not all of their names fit still names some. */
static void a_long_cycle_names_some(void **state)
{
    enum { MANY = 100 };
    static char name[MANY][64];
    static struct foreign_key items[MANY];
    static struct order_table tables[MANY];
    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(name[i], sizeof name[i],
                       "%02u_a_name_as_long_as_a_name_can_be_in_postgresql", (unsigned)i);
        tables[i] = (struct order_table){.root_oid = i + 1, .name = name[i]};
        items[i] = (struct foreign_key){.child_oid = i + 1,
                                        .parent_oid = (i + 1) % MANY + 1,
                                        .name = key_name,
                                        .child = name[i],
                                        .parent = name[(i + 1) % MANY]};
    }
    struct foreign_key_list keys = {.items = items, .count = MANY};
    struct findings findings = {0};
    struct spec spec = {.triggers = TRIGGERS_KEEP};
    struct order order = {.may_disable = true};
    order_tables(&spec, &keys, tables, MANY, &findings, &order);
    assert_int_equal(findings.blockers, 1);
    bool named = strstr(findings.items[0].text, name[0]) != NULL;
    findings_free(&findings);
    assert_true(named);
}

/* ---- reference tables ---- */

static void reference_tables_come_first(void **state)
{
    static const struct {
        const char *name;
        bool reference[TABLES_MAX];
        struct keys keys;
        bool keep;
        unsigned level[TABLES_MAX];
    } rows[] = {
        {"none",                                     {false},                     {{{0}}},    true,  {0, 0, 0, 0}},
        {"without keys in force",                    {false, true, false, true},  {{{0}}},    false, {1, 0, 1, 0}},
        {"keys among the others",                    {false, false, false, true}, {{{1, 2}}}, true,  {2, 1, 1, 0}},
        {"keys among reference tables",              {true, true, false, false},  {{{1, 2}}}, true,  {1, 0, 2, 2}},
        {"a child that is no reference table",
         {false, true, false, false},
         {{{1, 2}}},
         true,                                                                                       {2, 0, 1, 1}},
        {"a parent that is none goes first as well",
         {true, false, false, false},
         {{{1, 2}, {2, 3}}},
         true,                                                                                       {2, 1, 0, 3}},
        {"all of them",                              {true, true, true, true},    {{{0}}},    true,  {0, 0, 0, 0}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct foreign_key items[KEYS_MAX];
        struct foreign_key_list keys = make_keys(&rows[i].keys, items);
        struct order_table tables[TABLES_MAX];
        struct findings findings = {0};
        struct order order = {.may_disable = true};
        struct spec spec = {.triggers = rows[i].keep ? TRIGGERS_KEEP : TRIGGERS_DISABLE};
        bool ok = true;
        make_tables(tables);
        for (size_t t = 0; t < TABLES_MAX; t++) {
            tables[t].reference = rows[i].reference[t];
        }
        order_tables(&spec, &keys, tables, TABLES_MAX, &findings, &order);
        assert_int_equal(findings.blockers, 0);
        for (size_t t = 0; t < TABLES_MAX; t++) {
            ok = same(rows[i].name, tables[t].level, rows[i].level[t]) && ok;
        }
        assert_true(ok);
        findings_free(&findings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_tables_come_first),
        cmocka_unit_test(levels),
        cmocka_unit_test(whether_they_stay_in_force),
        cmocka_unit_test(tables_of_one_root_go_together),
        cmocka_unit_test(every_member_of_a_cycle_is_named),
        cmocka_unit_test(a_long_cycle_names_some),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
