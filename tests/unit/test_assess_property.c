/* assess: whatever the database is, the proposal does not contradict itself. */
#include "assess_fixture.h"

#include "base/rng.h"

#define ROUNDS 3000

/* ---- databases at random ---- */

static unsigned below(struct rng *r, unsigned limit)
{
    return (unsigned)rng_between(r, 0, limit - 1);
}

static void random_column(struct rng *r, struct survey_table *t, const char *name)
{
    static const char *const types[][2] = {
        {"int4",        "integer"    },
        {"int8",        "bigint"     },
        {"text",        "text"       },
        {"jsonb",       "jsonb"      },
        {"bool",        "boolean"    },
        {"timestamptz", "timestamptz"}
    };
    static const double distinct[] = {-1, 2, 10, 50, 900, 100000};
    struct survey_column *c = world_column(t, name, distinct[below(r, 6)]);
    unsigned type = below(r, 8);
    if (type < ARRAY_LEN(types)) {
        free(c->type);
        free(c->base_type);
        c->base_type = str_copy(types[type][0]);
        c->type = str_copy(types[type][1]);
    }
    c->not_null = below(r, 3) > 0;
    c->null_frac = c->not_null || below(r, 2) == 0 ? 0 : 0.3;
    c->top_freq = below(r, 4) == 0 ? 0.6 : 0;
    c->generated = below(r, 20) == 0;
    c->identity = below(r, 6) == 0;
}

static void random_table(struct rng *r, struct survey *s, unsigned number)
{
    static const char *const names[] = {"tenant_id", "a_id", "b_id", "c_id", "v", "w"};
    static const double rows[] = {0, 5, 900, 9000, 20000, 400000, 9000000};
    char name[80];
    (void)snprintf(name, sizeof name, "t%02u%.*s", number, below(r, 12) == 0 ? 55 : 0,
                   "_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabc");
    struct survey_table *t = world_table(s, name, rows[below(r, 7)]);
    (void)world_column(t, "id", t->rows);
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (below(r, 2) == 0) {
            random_column(r, t, names[i]);
        }
    }
    if (below(r, 6) > 0) {
        t->columns[0].not_null = true;
        world_key(t, "id", true);
    }
    if (t->column_count > 1 && below(r, 3) == 0) {
        world_key(t, t->columns[1].name, false);
    }
}

static struct survey random_world(struct rng *r)
{
    struct survey s = world_new();
    unsigned tables = below(r, 12);
    for (unsigned i = 0; i < tables; i++) {
        random_table(r, &s, i);
    }
    for (unsigned i = 0; tables > 0 && i < below(r, 20); i++) {
        const struct survey_table *child = &s.tables[below(r, tables)];
        const struct survey_table *parent = &s.tables[below(r, tables)];
        world_link(&s, child->name, child->columns[below(r, (unsigned)child->column_count)].name,
                   parent->name, "id");
        s.links[s.link_count - 1].validated = below(r, 5) > 0;
        s.links[s.link_count - 1].on_delete = "arcnd"[below(r, 5)];
    }
    return s;
}

/* ---- what has to hold ---- */

static const struct survey_column *own_column(const struct survey_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

static void check_key(const struct survey_table *t, const struct assess_table *a)
{
    const struct survey_column *own = own_column(t, a->key);
    assert_non_null(a->key_type);
    if (a->steps > 0) {
        assert_null(own);
        assert_non_null(a->expression);
        return;
    }
    assert_non_null(own);
    assert_string_equal(own->type, a->key_type);
    assert_false(own->generated);
    assert_string_not_equal(own->base_type, "jsonb");
    assert_string_not_equal(own->base_type, "bool");
    bool keyed = t->key_count > 0 && t->keys[0].primary;
    assert_true(own->not_null || !keyed || (a->expression != NULL && own->null_frac == 0));
}

/* The key is in every unique key and taken as it is, or the cost says what becomes of that. */
static void check_unique_keys(const struct survey_table *t, const struct assess_table *a)
{
    for (size_t i = 0; i < t->key_count; i++) {
        bool in = false;
        char text[128];
        for (size_t k = 0; k < t->keys[i].count; k++) {
            in = in || strcmp(t->columns[t->keys[i].columns[k]].name, a->key) == 0;
        }
        (void)snprintf(text, sizeof text, "key %s (", t->keys[i].name);
        bool replaced = a->expression != NULL && a->steps == 0 && !t->keys[i].primary;
        assert_int_equal(world_has_note(&a->notes, ASSESS_COST, text), !in || replaced);
    }
}

static void check_group(const struct assessment *p, const struct assess_table *a, size_t index)
{
    assert_true(a->group < p->group_count);
    const struct assess_group *g = &p->groups[a->group];
    const struct assess_table *head = &p->tables[g->head];
    assert_int_equal(a->collocate_with, g->head == index ? SURVEY_NONE : g->head);
    assert_int_equal(head->mode, TABLE_SHARDED);
    assert_string_equal(head->key, a->key);
    assert_string_equal(head->key_type, a->key_type);
}

static void check_table(const struct survey *s, const struct assessment *p, size_t index)
{
    const struct survey_table *t = &s->tables[index];
    const struct assess_table *a = &p->tables[index];
    assert_int_not_equal(a->mode, TABLE_MODE_UNSAID);
    if (a->mode == TABLE_SHARDED) {
        check_key(t, a);
        check_unique_keys(t, a);
        check_group(p, a, index);
        assert_true(strlen(a->rename == NULL ? t->name : a->rename) <= 54);
    } else {
        assert_null(a->key);
        assert_null(a->expression);
        assert_int_equal(a->group, SURVEY_NONE);
        assert_int_equal(a->collocate_with, SURVEY_NONE);
    }
    if (a->mode == TABLE_REFERENCE) {
        assert_true(t->key_count > 0 && t->keys[0].primary);
        assert_true(t->rows <= 1000000);
    }
    assert_true(a->notes.count > 0);
}

static void check_link(const struct survey *s, const struct assessment *p, size_t index)
{
    const struct assess_table *child = &p->tables[s->links[index].child];
    const struct assess_table *parent = &p->tables[s->links[index].parent];
    if (p->links[index] == ASSESS_LINK_LOST) {
        assert_true(world_has_note(&child->notes, ASSESS_COST, s->links[index].name));
        return;
    }
    if (child->mode == TABLE_SHARDED && parent->mode == TABLE_SHARDED) {
        assert_int_equal(child->group, parent->group);
        return;
    }
    assert_int_equal(p->links[index], ASSESS_LINK_KEPT);
    assert_true(child->mode == parent->mode ||
                (child->mode == TABLE_SHARDED && parent->mode == TABLE_REFERENCE));
}

static void check_same(const struct assessment *a, const struct assessment *b)
{
    assert_int_equal(a->group_count, b->group_count);
    for (size_t i = 0; i < a->table_count; i++) {
        assert_int_equal(a->tables[i].mode, b->tables[i].mode);
        assert_string_equal(a->tables[i].key == NULL ? "" : a->tables[i].key,
                            b->tables[i].key == NULL ? "" : b->tables[i].key);
        assert_int_equal(a->tables[i].notes.count, b->tables[i].notes.count);
    }
}

static void test_consistent(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 20240607);
    size_t sharded = 0;
    size_t computed = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct survey s = random_world(&r);
        struct assessment a = world_assess(&s);
        struct assessment b = world_assess(&s);
        for (size_t i = 0; i < s.table_count; i++) {
            check_table(&s, &a, i);
            sharded += a.tables[i].mode == TABLE_SHARDED;
            computed += a.tables[i].steps > 0;
        }
        for (size_t i = 0; i < s.link_count; i++) {
            check_link(&s, &a, i);
        }
        check_same(&a, &b);
        assessment_free(&a);
        assessment_free(&b);
        survey_free(&s);
    }
    assert_true(sharded > ROUNDS && computed > ROUNDS / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_consistent)};
    return cmocka_run_group_tests_name("assess property", tests, NULL, NULL);
}
