#include "job/identity.h"

#include "base/buf.h"
#include "base/str.h"
#include "job/identity_rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static uint64_t hash_list(uint64_t hash, const char *what, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        hash = str_hash(str_hash(hash, what), list->items[i]);
    }
    return hash;
}

/* A database's name as a part of a job's name. */
static void add_plain(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; name[n] != '\0' && n + 1 < size; n++) {
        unsigned char c = (unsigned char)name[n];
        out[n] = isalnum(c) != 0 || c == '_' || c == '-' ? (char)c : '_';
    }
    out[n] = '\0';
}

void identity_name(const struct spec *spec, const char *source_system, const char *source_database,
                   const char *destination_database, char out[JOB_NAME_MAX])
{
    if (spec->job != NULL) {
        (void)snprintf(out, JOB_NAME_MAX, "%s", spec->job);
        return;
    }
    uint64_t h = str_hash(STR_HASH_START, source_system);
    h = str_hash(str_hash(h, source_database), destination_database);
    h = hash_list(h, "table", &spec->tables);
    h = hash_list(h, "exclude-table", &spec->tables_out);
    h = hash_list(h, "schema", &spec->schemas);
    h = hash_list(h, "exclude-schema", &spec->schemas_out);
    for (size_t i = 0; i < spec->where_count; i++) {
        h = str_hash(str_hash(str_hash(h, "where"), spec->where[i].table),
                     spec->where[i].expression);
    }
    h = identity_rules_hash(&spec->rules, h);
    char from[14];
    char to[14];
    add_plain(source_database, from, sizeof from);
    add_plain(destination_database, to, sizeof to);
    (void)snprintf(out, JOB_NAME_MAX, "%s-to-%s-%08x", from, to,
                   (unsigned)((h ^ (h >> 32)) & 0xffffffffu));
}

static json_t *list_json(const struct text_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        (void)json_array_append_new(array, json_string_nocheck(list->items[i]));
    }
    return array;
}

static json_t *where_json(const struct spec *spec)
{
    json_t *array = json_array();
    for (size_t i = 0; i < spec->where_count; i++) {
        (void)json_array_append_new(
            array, json_pack("{s:o, s:o}", "table", json_string_nocheck(spec->where[i].table),
                             "filter", json_string_nocheck(spec->where[i].expression)));
    }
    return array;
}

#define RULES "rules"

static json_t *spec_json(const struct spec *spec)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:I, s:s, s:o}", "tables",
        list_json(&spec->tables), "exclude-table", list_json(&spec->tables_out), "schemas",
        list_json(&spec->schemas), "exclude-schema", list_json(&spec->schemas_out), "where",
        where_json(spec), "mode", load_mode_name(spec->mode), "format",
        format_choice_name(spec->format), "chunk-by", chunk_by_name(spec->chunk_by), "chunk-size",
        (json_int_t)spec->chunk_bytes, "triggers", triggers_choice_name(spec->triggers), RULES,
        identity_rules_json(&spec->rules));
}

#define DECIDED "triggers-disabled" /* not a part of the identity: identity_compare skips it */

bool identity_triggers_disabled(const char *stored)
{
    json_t *json = json_loads(stored, 0, NULL);
    bool disabled = json_is_true(json_object_get(json, DECIDED));
    json_decref(json);
    return disabled;
}

char *identity_spec(const struct spec *spec, bool triggers_disabled)
{
    json_t *json = spec_json(spec);
    if (json != NULL) {
        (void)json_object_set_new(json, DECIDED, json_boolean(triggers_disabled));
    }
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return text;
}

static void name_difference(const char *key, json_t *before, json_t *now, struct buf *out)
{
    char *a = json_dumps(before, JSON_COMPACT | JSON_ENCODE_ANY);
    char *b = json_dumps(now, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_printf(out, "%s%s was %.120s and is now %.120s", out->len == 0 ? "" : "; ", key,
               a == NULL ? "?" : a, b == NULL ? "?" : b);
    free(a);
    free(b);
}

/* A job that was planned before there were rules has none. */
static void name_differences(json_t *before, json_t *now, struct buf *out)
{
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value)
    {
        json_t *was = json_object_get(before, key);
        if (json_equal(value, was) ||
            (was == NULL && strcmp(key, RULES) == 0 && json_array_size(value) == 0)) {
            continue;
        }
        if (strcmp(key, RULES) == 0) {
            identity_rules_differ(was, value, out);
        } else {
            name_difference(key, was, value, out);
        }
    }
}

bool identity_compare(const char *job, const char *stored, const struct spec *spec, struct err *err)
{
    json_t *before = json_loads(stored, 0, NULL);
    json_t *now = spec_json(spec);
    struct buf differences;
    buf_init(&differences, 4096);
    if (before == NULL || now == NULL) {
        buf_puts(&differences, "the ledger's record of it cannot be read");
    } else {
        name_differences(before, now, &differences);
    }
    bool same = differences.len == 0;
    if (!same) {
        (void)err_set(
            err, ERR_USAGE,
            "job \"%s\" was planned with other options: %.700s; give the same ones to go on"
            " with it, or --restart to begin anew, or another --job",
            job, buf_str(&differences));
    }
    buf_free(&differences);
    json_decref(before);
    json_decref(now);
    return same;
}
