#include "cli/job_file_rules.h"

#include "base/str.h"
#include "cli/options_set.h"
#include "pg/pattern.h"

#include <stdlib.h>
#include <string.h>

#define MODES         "standard|sharded|reference"
#define FORMATS       "auto|binary|text"
#define PATTERN_MAX   300 /* bytes; YAML reads keys of a thousand, and escapes are longer */
#define SHARD_KEY_MAX 32  /* columns: INDEX_MAX_KEYS of a usual PostgreSQL */

/* ---- wishes ---- */

static void take_mode(struct job_reader *r, const struct tree_node *key, void *into)
{
    static const enum table_mode modes[] = {TABLE_STANDARD, TABLE_SHARDED, TABLE_REFERENCE};
    struct rule_reading *rule = into;
    unsigned choice = 0;
    rule->mode = key;
    rule->lines->mode = key->line;
    if (job_word(r, key->value, MODES, &choice)) {
        rule->rule->mode = modes[choice];
    }
}

static void take_format(struct job_reader *r, const struct tree_node *key, void *into)
{
    static const enum format_choice formats[] = {FORMAT_AUTO, FORMAT_BINARY, FORMAT_TEXT};
    struct rule_reading *rule = into;
    unsigned choice = 0;
    rule->lines->format = key->line;
    if (job_word(r, key->value, FORMATS, &choice)) {
        rule->rule->has_format = true;
        rule->rule->format = formats[choice];
    }
}

static void take_chunk_size(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    struct err err;
    const char *text = job_value(r, key->value, false);
    rule->lines->chunk_size = key->line;
    if (text != NULL &&
        !parse_size(text, "chunk-size", CHUNK_MIN, CHUNK_MAX, &rule->rule->chunk_bytes, &err)) {
        job_note(&r->notes, key->value->line, key->value->column, "%s", err.msg);
    }
}

static bool has_name(const struct text_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_shard_column(struct job_reader *r, const struct tree_node *n,
                             struct text_list *list)
{
    const char *name = job_name(r, n);
    if (name == NULL) {
        return;
    }
    if (has_name(list, name)) {
        job_note(&r->notes, n->line, n->column, "this column is in the shard key twice");
        return;
    }
    if (list->count >= SHARD_KEY_MAX) {
        job_note(&r->notes, n->line, n->column, "a shard key has at most %d columns",
                 SHARD_KEY_MAX);
        return;
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        job_out_of_memory(r);
        return;
    }
    list->items = items;
    items[list->count] = NULL;
    list->count += job_keep(r, &items[list->count], name) ? 1 : 0;
}

static void take_shard_key(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    const struct tree_node *n = key->value;
    rule->shard_key = key;
    rule->lines->shard_key = key->line;
    text_list_free(&rule->rule->shard_key);
    if (n->bad) {
        return;
    }
    if (n->kind != TREE_LIST || n->count == 0) {
        job_note(&r->notes, n->line, n->column,
                 "a list of columns is wanted here, as [customer_id]");
        return;
    }
    for (const struct tree_node *i = n->first; i != NULL && r->failure.kind == ERR_NONE;
         i = i->next) {
        add_shard_column(r, i, &rule->rule->shard_key);
    }
}

static void take_collocate(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    const char *text = job_text(r, key->value, false);
    rule->collocate_with = key;
    rule->lines->collocate_with = key->line;
    if (text == NULL) {
        return;
    }
    const char *dot = strchr(text, '.');
    if (dot == NULL || dot == text || dot[1] == '\0') {
        job_note(&r->notes, key->value->line, key->value->column,
                 "a table of the destination is wanted here, as SCHEMA.TABLE");
        return;
    }
    (void)job_keep(r, &rule->rule->collocate_with, text);
}

static void take_where(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    const char *text = job_text(r, key->value, false);
    rule->lines->where = key->line;
    if (text != NULL && text[strspn(text, " \t\r\n")] == '\0') {
        job_note(&r->notes, key->value->line, key->value->column,
                 "an SQL condition is wanted here, not an empty text");
    } else if (text != NULL) {
        (void)job_keep(r, &rule->rule->where, text);
    }
}

static void take_to_schema(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    const char *name = job_name(r, key->value);
    rule->lines->to_schema = key->line;
    if (name != NULL) {
        (void)job_keep(r, &rule->rule->to_schema, name);
    }
}

static void take_to_table(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    const char *name = job_name(r, key->value);
    rule->lines->to_table = key->line;
    if (name != NULL) {
        (void)job_keep(r, &rule->rule->to_table, name);
    }
}

static const struct job_key to_keys[] = {
    {"schema", "text", take_to_schema},
    {"table",  "text", take_to_table },
};
const struct job_keys job_to_keys = {to_keys, sizeof to_keys / sizeof to_keys[0], "to", false};

static void take_to(struct job_reader *r, const struct tree_node *key, void *into)
{
    job_take_map(r, key->value, &job_to_keys, into);
}

static const struct job_key rule_keys[] = {
    {"mode",           MODES,           take_mode       },
    {"shard-key",      "list of texts", take_shard_key  },
    {"collocate-with", "text",          take_collocate  },
    {"where",          "text",          take_where      },
    {"to",             "map",           take_to         },
    {"format",         FORMATS,         take_format     },
    {"chunk-size",     "SIZE",          take_chunk_size },
    {"columns",        "map",           job_take_columns},
};
const struct job_keys job_rule_keys = {rule_keys, sizeof rule_keys / sizeof rule_keys[0],
                                       "a table's rule", false};

static const struct job_key default_keys[] = {
    {"mode",       MODES,   take_mode      },
    {"format",     FORMATS, take_format    },
    {"chunk-size", "SIZE",  take_chunk_size},
    {"to-schema",  "text",  take_to_schema },
};
const struct job_keys job_default_keys = {
    default_keys, sizeof default_keys / sizeof default_keys[0], "defaults", false};

/* ---- rules ---- */

/* With its lines; zeroed. NULL: the failure is noted. */
static bool add_rule(struct job_reader *r, struct rule_reading *out)
{
    struct table_rules *rules = &r->file->spec->rules;
    struct config_origins *origins = r->file->origins;
    struct table_rule *items = realloc(rules->items, (rules->count + 1) * sizeof *items);
    rules->items = items == NULL ? rules->items : items;
    struct rule_lines *lines = realloc(origins->rules, (rules->count + 1) * sizeof *lines);
    origins->rules = lines == NULL ? origins->rules : lines;
    if (items == NULL || lines == NULL) {
        job_out_of_memory(r);
        return false;
    }
    items[rules->count] = (struct table_rule){.mode = TABLE_MODE_UNSAID};
    lines[rules->count] = (struct rule_lines){.mode = 0};
    *out = (struct rule_reading){.rule = &items[rules->count], .lines = &lines[rules->count]};
    origins->rule_count = ++rules->count;
    return true;
}

static void check_sharding(struct job_reader *r, const struct rule_reading *rule)
{
    const struct tree_node *keys[] = {rule->shard_key, rule->collocate_with};
    enum table_mode mode = rule->rule->mode;
    /* What another rule says of the same table is not known before the source was asked. */
    bool may_be = mode == TABLE_SHARDED || (rule->mode == NULL && r->file_shards) ||
                  (rule->mode != NULL && mode == TABLE_MODE_UNSAID);
    for (size_t i = 0; i < 2 && !may_be; i++) {
        if (keys[i] != NULL) {
            job_note(&r->notes, keys[i]->line, keys[i]->column,
                     "%s is about sharded tables; add mode: sharded, or leave it out",
                     i == 0 ? "shard-key" : "collocate-with");
        }
    }
}

/* False when noted. */
static bool check_pattern(struct job_reader *r, const struct tree_node *key)
{
    struct pattern pattern = {.schema = NULL};
    struct err err;
    const char *text = job_text(r, key, false);
    if (text == NULL) {
        return false;
    }
    if (strlen(text) > PATTERN_MAX) {
        job_note(&r->notes, key->line, key->column, "a pattern has at most %d bytes", PATTERN_MAX);
        return false;
    }
    /* Of DATABASE.SCHEMA.TABLE the first part is taken as right: the source knows its name. */
    char *database = strndup(text, strcspn(text, "."));
    bool ok = database != NULL && pattern_parse(text, database, &pattern, &err);
    if (database == NULL || (!ok && err.kind == ERR_SYSTEM)) {
        job_out_of_memory(r);
    } else if (!ok) {
        job_note(&r->notes, key->line, key->column, "%s", err.msg);
    }
    free(database);
    pattern_free(&pattern);
    return ok;
}

static void take_rule(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading reading;
    char shown[JOB_SHOWN_MAX + 4];
    (void)into;
    if (!check_pattern(r, key) || !add_rule(r, &reading)) {
        return;
    }
    reading.rule->line = key->line;
    if (!job_keep(r, &reading.rule->pattern, key->text)) {
        return;
    }
    if (key->value->kind == TREE_MAP && key->value->count == 0) {
        job_note(&r->notes, key->line, key->column, "the rule for %s says nothing; leave it out",
                 job_shown(key->text, shown));
        return;
    }
    job_take_map(r, key->value, &job_rule_keys, &reading);
    check_sharding(r, &reading);
}

void job_take_tables(struct job_reader *r, const struct tree_node *key, void *into)
{
    job_take_entries(r, key->value, "tables", take_rule, into);
}

void job_take_defaults(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading reading;
    (void)into;
    if (!add_rule(r, &reading)) {
        return;
    }
    reading.rule->is_default = true;
    reading.rule->line = key->line;
    if (job_keep(r, &reading.rule->pattern, "*.*")) {
        job_take_map(r, key->value, &job_default_keys, &reading);
    }
}

/* Later rules win, so the defaults come first, wherever they stand in the file. */
void job_check_rules(struct job_reader *r)
{
    struct table_rules *rules = &r->file->spec->rules;
    struct rule_lines *lines = r->file->origins->rules;
    for (size_t i = 1; i < rules->count; i++) {
        if (rules->items[i].is_default && !rules->items[0].is_default) {
            struct table_rule rule = rules->items[i];
            struct rule_lines line = lines[i];
            memmove(&rules->items[1], &rules->items[0], i * sizeof rule);
            memmove(&lines[1], &lines[0], i * sizeof line);
            rules->items[0] = rule;
            lines[0] = line;
        }
    }
}

static bool says_sharded(const struct tree_node *map)
{
    for (const struct tree_node *k = map->kind == TREE_MAP ? map->first : NULL; k != NULL;
         k = k->next) {
        if (strcmp(k->text, "mode") == 0 && k->value->text != NULL &&
            strcmp(k->value->text, "sharded") == 0) {
            return true;
        }
    }
    return false;
}

bool job_file_shards(const struct tree_node *top)
{
    bool found = false;
    for (const struct tree_node *s = top->kind == TREE_MAP ? top->first : NULL; s != NULL;
         s = s->next) {
        found = found || (strcmp(s->text, "defaults") == 0 && says_sharded(s->value));
        bool tables = strcmp(s->text, "tables") == 0 && s->value->kind == TREE_MAP;
        for (const struct tree_node *t = tables ? s->value->first : NULL; t != NULL && !found;
             t = t->next) {
            found = says_sharded(t->value);
        }
    }
    return found;
}
