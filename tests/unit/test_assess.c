/* assess: twelve kinds of database with a known answer, and single rules. */
#include "assess_fixture.h"

/* A table with a primary key id, as most have it. */
static struct survey_table *world_plain(struct survey *s, const char *name, double rows)
{
    struct survey_table *t = world_table(s, name, rows);
    (void)world_column(t, "id", rows);
    world_key(t, "id", true);
    return t;
}

/* ---- the twelve ---- */

/* "sharded KEY", "sharded KEY computed", "reference", "standard"; unsure: a text that has to be
 * among the notes. */
struct answer {
    const char *table;
    const char *want;
    const char *unsure;
};

struct kind {
    const char *name;
    void (*make)(struct survey *s);
    struct answer answers[6];
};

static void multi_tenant(struct survey *s)
{
    (void)world_plain(s, "tenants", 200);
    struct survey_table *t = world_table(s, "users", 20000);
    (void)world_column(t, "tenant_id", 200);
    (void)world_column(t, "id", 20000);
    world_key(t, "tenant_id,id", true);
    t = world_table(s, "tasks", 90000);
    (void)world_column(t, "tenant_id", 200);
    (void)world_column(t, "id", 90000);
    (void)world_column(t, "user_id", 20000);
    world_key(t, "tenant_id,id", true);
    t = world_table(s, "labels", 300);
    (void)world_column(t, "tenant_id", 200);
    (void)world_column(t, "id", 300);
    world_key(t, "tenant_id,id", true);
    world_link(s, "users", "tenant_id", "tenants", "id");
    world_link(s, "tasks", "tenant_id,user_id", "users", "tenant_id,id");
    world_link(s, "labels", "tenant_id", "tenants", "id");
}

static void time_series(struct survey *s)
{
    (void)world_plain(s, "devices", 800);
    struct survey_table *t = world_table(s, "readings", 5000000);
    (void)world_column(t, "device_id", 800);
    struct survey_column *at = world_column(t, "at", 5000000);
    free(at->base_type);
    at->base_type = str_copy("timestamptz");
    world_key(t, "device_id,at", true);
    world_link(s, "readings", "device_id", "devices", "id");
}

static void star_schema(struct survey *s)
{
    (void)world_plain(s, "stores", 40);
    (void)world_plain(s, "products", 900);
    (void)world_plain(s, "customers", 30000);
    struct survey_table *t = world_plain(s, "sales", 3000000);
    (void)world_column(t, "store_id", 40);
    (void)world_column(t, "product_id", 900);
    (void)world_column(t, "customer_id", 30000);
    world_link(s, "sales", "store_id", "stores", "id");
    world_link(s, "sales", "product_id", "products", "id");
    world_link(s, "sales", "customer_id", "customers", "id");
}

static void social_graph(struct survey *s)
{
    (void)world_plain(s, "users", 100000);
    struct survey_table *t = world_plain(s, "posts", 900000);
    (void)world_column(t, "user_id", 80000);
    t = world_table(s, "follows", 700000);
    (void)world_column(t, "follower_id", 90000);
    (void)world_column(t, "followee_id", 70000);
    world_key(t, "follower_id,followee_id", true);
    world_link(s, "posts", "user_id", "users", "id");
    world_link(s, "follows", "follower_id", "users", "id");
    world_link(s, "follows", "followee_id", "users", "id");
}

static void single_hot(struct survey *s)
{
    (void)world_plain(s, "settings", 20);
    struct survey_table *t = world_plain(s, "clicks", 8000000);
    (void)world_column(t, "flag", 2);
}

static void tiny(struct survey *s)
{
    (void)world_plain(s, "authors", 50);
    struct survey_table *t = world_plain(s, "books", 3000);
    (void)world_column(t, "author_id", 50);
    world_link(s, "books", "author_id", "authors", "id");
}

static void keys_without_tenant(struct survey *s)
{
    (void)world_plain(s, "tenants", 100);
    struct survey_table *t = world_plain(s, "orders", 200000);
    (void)world_column(t, "tenant_id", 100);
    t = world_plain(s, "items", 900000);
    (void)world_column(t, "order_id", 200000);
    t = world_plain(s, "returns", 30000);
    (void)world_column(t, "item_id", 30000);
    world_link(s, "orders", "tenant_id", "tenants", "id");
    world_link(s, "items", "order_id", "orders", "id");
    world_link(s, "returns", "item_id", "items", "id");
}

static void skewed_tenant(struct survey *s)
{
    keys_without_tenant(s);
    s->tables[world_index(s, "orders")].columns[1].top_freq = 0.6;
}

static void two_candidates(struct survey *s)
{
    (void)world_plain(s, "buyers", 1000);
    (void)world_plain(s, "sellers", 1000);
    struct survey_table *t = world_plain(s, "trades", 500000);
    (void)world_column(t, "buyer_id", 1000);
    (void)world_column(t, "seller_id", 1000);
    world_link(s, "trades", "buyer_id", "buyers", "id");
    world_link(s, "trades", "seller_id", "sellers", "id");
}

static void self_references(struct survey *s)
{
    struct survey_table *t = world_plain(s, "employees", 90000);
    (void)world_column(t, "manager_id", 9000);
    world_link(s, "employees", "manager_id", "employees", "id");
}

static void cycles(struct survey *s)
{
    struct survey_table *t = world_plain(s, "a", 50000);
    (void)world_column(t, "b_id", 50000);
    t = world_plain(s, "b", 50000);
    (void)world_column(t, "a_id", 50000);
    world_link(s, "a", "b_id", "b", "id");
    world_link(s, "b", "a_id", "a", "id");
}

static void no_foreign_keys(struct survey *s)
{
    struct survey_table *t = world_table(s, "customers", 40000);
    (void)world_column(t, "customer_id", 40000);
    world_key(t, "customer_id", true);
    t = world_plain(s, "orders", 90000);
    (void)world_column(t, "customer_id", 40000);
    t = world_plain(s, "payments", 90000);
    (void)world_column(t, "customer_id", 40000);
}

static const struct kind kinds[] = {
    {"multi-tenant",
     multi_tenant,                               {{"tenants", "reference", NULL},
      {"users", "sharded tenant_id", NULL},
      {"tasks", "sharded tenant_id", NULL},
      {"labels", "sharded tenant_id", NULL}}                                                            },
    {"time series",
     time_series,                                {{"devices", "reference", NULL}, {"readings", "sharded device_id", NULL}}},
    {"star schema",
     star_schema,                                {{"stores", "reference", NULL},
      {"products", "reference", NULL},
      {"customers", "reference", NULL},
      {"sales", "sharded customer_id", NULL}}                                                            },
    {"social graph",
     social_graph,                               {{"users", "sharded id", NULL},
      {"posts", "sharded user_id", NULL},
      {"follows", "sharded follower_id", NULL}}                                                         },
    {"single hot table",
     single_hot,                                 {{"settings", "standard", NULL}, {"clicks", "sharded id", NULL}}         },
    {"everything tiny",         tiny,            {{"authors", "standard", NULL}, {"books", "standard", NULL}}             },
    {"keys without the tenant",
     keys_without_tenant,                        {{"tenants", "reference", NULL},
      {"orders", "sharded tenant_id", NULL},
      {"items", "sharded tenant_id computed", NULL},
      {"returns", "sharded tenant_id computed", NULL}}                                           },
    {"skewed tenant",           skewed_tenant,   {{"orders", "sharded", "60 % of the rows"}}                              },
    {"two candidates",          two_candidates,  {{"trades", "sharded", "would do about as well"}}                        },
    {"self-references",         self_references, {{"employees", "sharded id", NULL}}                                      },
    {"cycles",                  cycles,          {{"a", "sharded", "as well"}, {"b", "sharded", "as well"}}               },
    {"no foreign keys",
     no_foreign_keys,                            {{"customers", "sharded customer_id", "by its name only"},
      {"orders", "sharded customer_id", "!by its name only"},
      {"payments", "sharded customer_id", "!by its name only"}}                                      },
};

static void describe(const struct assess_table *t, char out[128])
{
    static const char *const modes[] = {"unsaid", "standard", "sharded", "reference"};
    (void)snprintf(out, 128, "%s%s%s%s", modes[t->mode], t->key == NULL ? "" : " ",
                   t->key == NULL ? "" : t->key, t->expression == NULL ? "" : " computed");
}

static void check_answer(const struct kind *k, const struct survey *s, const struct assessment *a,
                         const struct answer *want)
{
    char got[128];
    const struct assess_table *t = &a->tables[world_index(s, want->table)];
    describe(t, got);
    size_t len = strcmp(want->want, "sharded") == 0 ? strlen(want->want) : sizeof got;
    if (strncmp(got, want->want, len) != 0) {
        fail_msg("%s, %s: %s, not %s", k->name, want->table, got, want->want);
    }
    bool silent = want->unsure != NULL && want->unsure[0] == '!'; /* the group's head says why */
    const char *why = silent ? want->unsure + 1 : want->unsure;
    if (want->unsure != NULL &&
        (!t->is_unsure || world_has_note(&t->notes, ASSESS_UNSURE, why) == silent)) {
        fail_msg("%s, %s: not unsure for \"%s\"", k->name, want->table, want->unsure);
    }
}

static void test_kind(void **state)
{
    const struct kind *k = *state;
    struct survey s = world_new();
    k->make(&s);
    struct assessment a = world_assess(&s);
    for (size_t i = 0; i < ARRAY_LEN(k->answers) && k->answers[i].table != NULL; i++) {
        check_answer(k, &s, &a, &k->answers[i]);
    }
    assessment_free(&a);
    survey_free(&s);
}

/* ---- expressions ---- */

static const char *expression_of(const struct survey *s, const struct assessment *a,
                                 const char *table)
{
    const char *text = a->tables[world_index(s, table)].expression;
    return text == NULL ? "" : text;
}

static void test_expressions(void **state)
{
    (void)state;
    struct survey s = world_new();
    keys_without_tenant(&s);
    struct assessment a = world_assess(&s);
    assert_string_equal(expression_of(&s, &a, "items"),
                        "(SELECT p.tenant_id FROM public.orders p WHERE p.id = order_id)");
    assert_string_equal(expression_of(&s, &a, "returns"),
                        "(SELECT (SELECT p.tenant_id FROM public.orders p WHERE p.id = q.order_id)"
                        " FROM public.items q WHERE q.id = item_id)");
    assessment_free(&a);
    survey_free(&s);
}

/* A column of the parent must not be taken for the child's. */
static void test_expression_with_a_hidden_name(void **state)
{
    (void)state;
    struct survey s = world_new();
    keys_without_tenant(&s);
    (void)world_column(&s.tables[world_index(&s, "orders")], "order_id", 7);
    struct assessment a = world_assess(&s);
    assert_string_equal(expression_of(&s, &a, "items"),
                        "(SELECT p.sluice_key FROM (SELECT q.tenant_id AS sluice_key, q.id AS "
                        "sluice_1 FROM public.orders q) p WHERE p.sluice_1 = order_id)");
    assessment_free(&a);
    survey_free(&s);
}

static void test_expression_quotes(void **state)
{
    (void)state;
    struct survey s = world_new();
    keys_without_tenant(&s);
    struct survey_table *items = &s.tables[world_index(&s, "items")];
    struct survey_table *orders = &s.tables[world_index(&s, "orders")];
    free(items->columns[1].name);
    items->columns[1].name = str_copy("order");
    free(orders->name);
    orders->name = str_copy("Or\"ders");
    struct assessment a = world_assess(&s);
    assert_string_equal(expression_of(&s, &a, "items"),
                        "(SELECT p.tenant_id FROM public.\"Or\"\"ders\" p WHERE p.id = \"order\")");
    assessment_free(&a);
    survey_free(&s);
}

/* ---- single rules ---- */

static void test_null_keys(void **state)
{
    (void)state;
    struct survey s = world_new();
    keys_without_tenant(&s);
    struct survey_column *tenant = &s.tables[world_index(&s, "orders")].columns[1];
    tenant->not_null = false;
    struct assessment a = world_assess(&s);
    assert_string_equal(a.tables[world_index(&s, "orders")].key, "tenant_id");
    assert_string_equal(expression_of(&s, &a, "orders"), "tenant_id");
    assessment_free(&a);

    tenant->null_frac = 0.01;
    a = world_assess(&s);
    assert_string_not_equal(a.tables[world_index(&s, "orders")].key, "tenant_id");
    assert_string_not_equal(a.tables[world_index(&s, "items")].key, "tenant_id");
    assessment_free(&a);
    survey_free(&s);
}

/* Rows without a parent would have no key. */
static void test_a_foreign_key_that_may_be_null(void **state)
{
    (void)state;
    struct survey s = world_new();
    keys_without_tenant(&s);
    struct survey_column *order = &s.tables[world_index(&s, "items")].columns[1];
    order->not_null = false;
    order->null_frac = 0.2;
    struct assessment a = world_assess(&s);
    assert_string_equal(expression_of(&s, &a, "items"), "");
    assessment_free(&a);
    survey_free(&s);
}

static void test_types_that_cannot_be_keys(void **state)
{
    static const char *const types[] = {"json", "bool", "float8", "hstore", "bytea", "_int4"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct survey s = world_new();
        struct survey_table *t = world_table(&s, "t", 90000);
        struct survey_column *c = world_column(t, "id", 90000);
        free(c->base_type);
        c->base_type = str_copy(types[i]);
        world_key(t, "id", true);
        struct assessment a = world_assess(&s);
        assert_int_equal(a.tables[0].mode, TABLE_STANDARD);
        assert_true(world_has_note(&a.tables[0].notes, ASSESS_UNSURE, "no column can be"));
        assessment_free(&a);
        survey_free(&s);
    }
}

static void test_utility_families(void **state)
{
    static const struct {
        const char *type;
        char kind;
        char category;
        const char *want;
    } rows[] = {
        {"mood",          'e', 'E', "enum"         },
        {"_int4",         'b', 'A', "array"        },
        {"box",           'b', 'G', "box"          },
        {"point",         'b', 'G', NULL           },
        {"tsvector",      'b', 'U', "tsvector"     },
        {"pg_lsn",        'b', 'U', "pg_lsn"       },
        {"txid_snapshot", 'b', 'U', "txid_snapshot"},
        {"int4",          'b', 'N', NULL           },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char type[32];
        (void)snprintf(type, sizeof type, "%s", rows[i].type);
        struct survey_column c = {
            .base_type = type, .base_kind = rows[i].kind, .category = rows[i].category};
        const char *got = assess_utility_refuses(&c);
        assert_string_equal(got == NULL ? "" : got, rows[i].want == NULL ? "" : rows[i].want);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    struct survey s = world_new();
    (void)world_plain(&s, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12", 50000);
    (void)world_plain(&s, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz123", 50000);
    (void)world_plain(&s, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz124", 50000);
    struct assessment a = world_assess(&s);
    assert_null(a.tables[0].rename);
    assert_true(strlen(a.tables[1].rename) <= 54);
    assert_string_not_equal(a.tables[1].rename, a.tables[2].rename);
    assert_true(a.topics[ASSESS_BLOCKER] == 2);
    assessment_free(&a);
    survey_free(&s);
}

/* A large table with two columns that point at small ones; which is its key? */
static const char *key_of_two(void (*change)(struct survey_column *a, struct survey_column *b),
                              char out[32])
{
    struct survey s = world_new();
    (void)world_plain(&s, "left", 1000);
    (void)world_plain(&s, "right", 1000);
    struct survey_table *t = world_table(&s, "big", 500000);
    (void)world_column(t, "left_id", 1000);
    (void)world_column(t, "right_id", 1000);
    change(&t->columns[0], &t->columns[1]);
    world_link(&s, "big", "left_id", "left", "id");
    world_link(&s, "big", "right_id", "right", "id");
    struct assessment a = world_assess(&s);
    (void)snprintf(out, 32, "%s", a.tables[2].key);
    assessment_free(&a);
    survey_free(&s);
    return out;
}

static void skew_left(struct survey_column *a, struct survey_column *b)
{
    a->top_freq = 0.55;
    (void)b;
}

static void few_left(struct survey_column *a, struct survey_column *b)
{
    a->distinct = 20;
    (void)b;
}

static void time_left(struct survey_column *a, struct survey_column *b)
{
    free(a->base_type);
    a->base_type = str_copy("date");
    (void)b;
}

static void null_left(struct survey_column *a, struct survey_column *b)
{
    a->not_null = false;
    a->null_frac = 0.3;
    (void)b;
}

static void test_what_lowers_a_key(void **state)
{
    static void (*const changes[])(struct survey_column *, struct survey_column *) = {
        skew_left, few_left, time_left, null_left};
    char key[32];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_string_equal(key_of_two(changes[i], key), "right_id");
    }
}

/* A number of its own spreads best, but what somebody asks by is worth more. */
static void test_surrogate_keys(void **state)
{
    (void)state;
    struct survey s = world_new();
    (void)world_plain(&s, "left", 1000);
    struct survey_table *t = world_plain(&s, "big", 500000);
    (void)world_column(t, "left_id", 1000);
    world_link(&s, "big", "left_id", "left", "id");
    struct assessment a = world_assess(&s);
    assert_string_equal(a.tables[1].key, "left_id");
    assessment_free(&a);
    survey_free(&s);
}

static void test_small_tables_beside_reference_tables(void **state)
{
    (void)state;
    struct survey s = world_new();
    two_candidates(&s);
    struct survey_table *t = world_plain(&s, "ratings", 50);
    (void)world_column(t, "buyer_id", 50);
    t = world_table(&s, "keyless", 50);
    (void)world_column(t, "buyer_id", 50);
    world_link(&s, "ratings", "buyer_id", "buyers", "id");
    world_link(&s, "keyless", "buyer_id", "sellers", "id");
    struct survey_table *trades = &s.tables[world_index(&s, "trades")];
    trades->columns[1].top_freq = 0.7; /* so that sellers, and not buyers, have the key */
    struct assessment a = world_assess(&s);
    assert_int_equal(a.tables[world_index(&s, "ratings")].mode, TABLE_REFERENCE);
    assert_int_equal(a.tables[world_index(&s, "keyless")].mode, TABLE_STANDARD);
    assert_int_equal(a.links[3], ASSESS_LINK_LOST);
    assessment_free(&a);
    survey_free(&s);
}

/* What two large tables have in common beats what one of them has alone. */
static void test_a_key_of_two_tables(void **state)
{
    (void)state;
    struct survey s = world_new();
    (void)world_plain(&s, "left", 1000);
    (void)world_plain(&s, "right", 1000);
    struct survey_table *t = world_plain(&s, "one", 500000);
    (void)world_column(t, "left_id", 1000);
    (void)world_column(t, "right_id", 1000);
    t = world_plain(&s, "two", 500000);
    (void)world_column(t, "right_id", 1000);
    world_link(&s, "one", "left_id", "left", "id");
    world_link(&s, "one", "right_id", "right", "id");
    world_link(&s, "two", "right_id", "right", "id");
    struct assessment a = world_assess(&s);
    assert_string_equal(a.tables[2].key, "right_id");
    assert_int_equal(a.tables[2].group, a.tables[3].group);
    assessment_free(&a);
    survey_free(&s);
}

static void test_extensions(void **state)
{
    (void)state;
    struct survey s = world_new();
    (void)world_plain(&s, "t", 10);
    s.extensions[s.extension_count++].name = str_copy("hstore");
    s.extensions[s.extension_count++].name = str_copy("file_fdw");
    struct assessment a = world_assess(&s);
    assert_true(world_has_note(&a.notes, ASSESS_BLOCKER, "file_fdw"));
    assert_false(world_has_note(&a.notes, ASSESS_BLOCKER, "hstore"));
    assessment_free(&a);
    survey_free(&s);
}

/* ---- sizes ---- */

static void test_load_and_capacity(void **state)
{
    (void)state;
    struct survey s = world_new();
    struct survey_table *t = world_plain(&s, "t", 10);
    t->bytes = UINT64_C(100) << 40; /* a tenth is 10 TB, more than any group's memory */
    struct assess_request request = {.rate_bytes_s = UINT64_C(100) << 20};
    struct assessment a;
    struct err err;
    assert_true(assess(&s, &request, &a, &err));
    assert_int_equal(a.load.seconds, (UINT64_C(100) << 40) / (UINT64_C(100) << 20));
    assert_int_equal(a.load.streams, 9);
    assert_int_equal(a.load.connections, 20);
    assert_int_equal(a.capacity_fit, ASSESS_CAPACITIES - 1);
    for (size_t i = 1; i < ASSESS_CAPACITIES; i++) {
        assert_int_equal(a.capacity[i].acu_from, a.capacity[i - 1].acu_to + 1);
        assert_true(a.capacity[i].shards >= a.capacity[i - 1].shards);
    }
    assessment_free(&a);
    t->bytes = UINT64_C(9) << 40; /* 900 GB of it are 461 ACU */
    a = world_assess(&s);
    assert_int_equal(a.capacity[a.capacity_fit].acu_to, 500);
    assessment_free(&a);
    survey_free(&s);
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct survey s = world_new();
    struct assessment a = world_assess(&s);
    assert_int_equal(a.table_count, 0);
    assert_int_equal(a.group_count, 0);
    assessment_free(&a);
    survey_free(&s);
}

#define SINGLE_TESTS 15

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(kinds) + SINGLE_TESTS] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_expression_with_a_hidden_name),
        cmocka_unit_test(test_expression_quotes),
        cmocka_unit_test(test_null_keys),
        cmocka_unit_test(test_a_foreign_key_that_may_be_null),
        cmocka_unit_test(test_types_that_cannot_be_keys),
        cmocka_unit_test(test_utility_families),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_load_and_capacity),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_what_lowers_a_key),
        cmocka_unit_test(test_surrogate_keys),
        cmocka_unit_test(test_small_tables_beside_reference_tables),
        cmocka_unit_test(test_a_key_of_two_tables),
    };
    struct kind copies[ARRAY_LEN(kinds)];
    memcpy(copies, kinds, sizeof kinds);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        tests[SINGLE_TESTS + i] = (struct CMUnitTest){
            .name = kinds[i].name, .test_func = test_kind, .initial_state = &copies[i]};
    }
    return cmocka_run_group_tests_name("assess", tests, NULL, NULL);
}
