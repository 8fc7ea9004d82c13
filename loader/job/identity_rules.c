#include "job/identity_rules.h"

#include "base/str.h"
#include "job/spec.h"

#include <stdlib.h>
#include <string.h>

/* The words of the ledger, which must not change with those of the messages. */
static const char *mode_word(enum table_mode mode)
{
    static const char *const words[] = {
        [TABLE_MODE_UNSAID] = "",
        [TABLE_STANDARD] = "standard",
        [TABLE_SHARDED] = "sharded",
        [TABLE_REFERENCE] = "reference",
    };
    return words[mode];
}

static uint64_t hash_wish(uint64_t hash, const char *what, const struct table_rule *r,
                          const char *value)
{
    return value == NULL ? hash : str_hash(str_hash(str_hash(hash, what), r->pattern), value);
}

uint64_t identity_rules_hash(const struct table_rules *rules, uint64_t hash)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct table_rule *r = &rules->items[i];
        hash = hash_wish(hash, "rule where", r, r->where);
        hash = hash_wish(hash, "rule schema", r, r->to_schema);
        hash = hash_wish(hash, "rule table", r, r->to_table);
    }
    return hash;
}

static void add_text(json_t *object, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        (void)json_object_set_new(object, key, json_string_nocheck(value));
    }
}

static json_t *column_json(const struct column_rule *c)
{
    json_t *object = json_object();
    add_text(object, "column", c->column);
    add_text(object, "rename", c->rename);
    add_text(object, "expression", c->expression);
    add_text(object, "type", c->type);
    if (c->leave_out) {
        (void)json_object_set_new(object, "leave-out", json_true());
    }
    return object;
}

static void add_columns(json_t *object, const struct table_rule *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->column_count; i++) {
        (void)json_array_append_new(array, column_json(&r->columns[i]));
    }
    (void)json_object_set_new(object, "columns", array);
}

static void add_key(json_t *object, const struct text_list *key)
{
    json_t *array = json_array();
    for (size_t i = 0; i < key->count; i++) {
        (void)json_array_append_new(array, json_string_nocheck(key->items[i]));
    }
    (void)json_object_set_new(object, "shard-key", array);
}

static json_t *rule_json(const struct table_rule *r)
{
    json_t *object = json_object();
    add_text(object, "pattern", r->pattern);
    add_text(object, "mode", mode_word(r->mode));
    if (r->shard_key.count > 0) {
        add_key(object, &r->shard_key);
    }
    add_text(object, "collocate-with", r->collocate_with);
    add_text(object, "where", r->where);
    add_text(object, "to-schema", r->to_schema);
    add_text(object, "to-table", r->to_table);
    add_text(object, "format", r->has_format ? format_choice_name(r->format) : NULL);
    if (r->chunk_bytes != 0) {
        (void)json_object_set_new(object, "chunk-size", json_integer((json_int_t)r->chunk_bytes));
    }
    if (r->column_count > 0) {
        add_columns(object, r);
    }
    return object;
}

json_t *identity_rules_json(const struct table_rules *rules)
{
    json_t *array = json_array();
    for (size_t i = 0; i < rules->count; i++) {
        (void)json_array_append_new(array, rule_json(&rules->items[i]));
    }
    return array;
}

/* ---- differences ---- */

static const char *pattern_of(json_t *rule)
{
    const char *text = json_string_value(json_object_get(rule, "pattern"));
    return text == NULL ? "?" : text;
}

static void add_value(json_t *value, struct buf *out)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_printf(out, "%.120s", text == NULL ? "not given" : text);
    free(text);
}

static void add_difference(const char *pattern, const char *what, json_t *before, json_t *now,
                           struct buf *out)
{
    if (before == now || json_equal(before, now) != 0) { /* to jansson no NULL is equal */
        return;
    }
    buf_printf(out, "%sthe rule for %.100s: %s was ", out->len == 0 ? "" : "; ", pattern, what);
    add_value(before, out);
    buf_puts(out, " and is now ");
    add_value(now, out);
}

static json_t *find_column(json_t *rule, const char *name)
{
    size_t i;
    json_t *column;
    json_array_foreach(json_object_get(rule, "columns"), i, column)
    {
        const char *is = json_string_value(json_object_get(column, "column"));
        if (is != NULL && strcmp(is, name) == 0) {
            return column;
        }
    }
    return NULL;
}

/* The columns of one that are not the same in the other; the second round adds those that only the
 * other has. */
static void columns_differ(json_t *before, json_t *now, struct buf *out)
{
    json_t *const sides[] = {now, before};
    for (size_t s = 0; s < 2; s++) {
        size_t i;
        json_t *column;
        json_array_foreach(json_object_get(sides[s], "columns"), i, column)
        {
            const char *name = json_string_value(json_object_get(column, "column"));
            if (name != NULL && (s == 0 || find_column(now, name) == NULL)) {
                struct buf what;
                buf_init(&what, 1024);
                buf_printf(&what, "column \"%.100s\"", name);
                add_difference(pattern_of(now), buf_str(&what), find_column(before, name),
                               find_column(now, name), out);
                buf_free(&what);
            }
        }
    }
}

static void rule_differs(json_t *before, json_t *now, struct buf *out)
{
    static const char *const keys[] = {"mode",      "shard-key", "collocate-with", "where",
                                       "to-schema", "to-table",  "format",         "chunk-size"};
    size_t len = out->len;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        add_difference(pattern_of(now), keys[i], json_object_get(before, keys[i]),
                       json_object_get(now, keys[i]), out);
    }
    columns_differ(before, now, out);
    if (out->len == len) { /* the same ones in another order */
        add_difference(pattern_of(now), "columns", json_object_get(before, "columns"),
                       json_object_get(now, "columns"), out);
    }
}

static const char *shown_pattern(json_t *rule)
{
    return rule == NULL ? "" : pattern_of(rule);
}

/* One more or one less: what follows is merely moved. */
static void place_differs(size_t no, json_t *before, json_t *now, struct buf *out)
{
    buf_printf(out, "%srule %zu of the job file was %s%.100s and is now %s%.100s",
               out->len == 0 ? "" : "; ", no, before == NULL ? "not there" : "for ",
               shown_pattern(before), now == NULL ? "not there" : "for ", shown_pattern(now));
}

void identity_rules_differ(json_t *before, json_t *now, struct buf *out)
{
    size_t was = json_array_size(before);
    size_t is = json_array_size(now);
    for (size_t i = 0; i < was || i < is; i++) {
        json_t *a = json_array_get(before, i);
        json_t *b = json_array_get(now, i);
        if (a == NULL || b == NULL || strcmp(pattern_of(a), pattern_of(b)) != 0) {
            place_differs(i + 1, a, b, out);
            return;
        }
        if (!json_equal(a, b)) {
            rule_differs(a, b, out);
        }
    }
}
