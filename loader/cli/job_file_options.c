#include "cli/job_file_keys.h"

#include "cli/nearest.h"

#include <string.h>

#define NAME_ROOM 48 /* no option has a name that long */

/* ---- what is stronger ---- */

/* Options that speak about the same thing: what was given for the first settles the second. */
static const char *const settles[][2] = {
    {"verbose",                  "quiet"                   },
    {"quiet",                    "verbose"                 },
    {"jobs",                     "jobs-max"                },
    {"spill-key-file",           "spill-kms-key"           },
    {"spill-kms-key",            "spill-key-file"          },
    {"kms-context",              "source-kms-context"      },
    {"kms-context",              "destination-kms-context" },
    {"source-secret",            "source-password-kms"     },
    {"source-password-kms",      "source-secret"           },
    {"destination-secret",       "destination-password-kms"},
    {"destination-password-kms", "destination-secret"      },
};

static bool is_given(const struct job_reader *r, const struct option_row *row)
{
    enum origin_kind kind = r->file->origins->options[option_index(row)].kind;
    return kind == ORIGIN_WORD || kind == ORIGIN_VARIABLE;
}

static bool is_settled(const struct job_reader *r, const struct option_row *row)
{
    bool settled = is_given(r, row);
    for (size_t i = 0; i < sizeof settles / sizeof settles[0]; i++) {
        settled = settled || (strcmp(settles[i][1], row->name) == 0 &&
                              is_given(r, option_named(settles[i][0], strlen(settles[i][0]))));
    }
    return settled;
}

/* ---- one value ---- */

static bool remember(struct job_reader *r, const struct option_row *row, const struct tree_node *n,
                     const char *text, const char *env)
{
    struct option_origin *o = &r->file->origins->options[option_index(row)];
    struct err err;
    if (!row->repeatable) {
        text_list_free(&o->texts);
        text_list_free(&o->envs);
    }
    o->line = o->kind == ORIGIN_FILE ? o->line : n->line;
    o->kind = ORIGIN_FILE;
    if (!origin_add(o, row->secret ? "" : text, env, &err)) {
        job_out_of_memory(r);
        return false;
    }
    return true;
}

/* What is set aside is checked on a spec that nobody sees. */
static bool set(struct job_reader *r, const struct option_row *row,
                const struct option_value *value, struct err *err)
{
    struct spec aside = {.jobs = 0};
    if (!is_settled(r, row) && option_is_for(row, r->file->command)) {
        return row->set(r->file->spec, value, err);
    }
    bool ok = row->set(&aside, value, err);
    spec_free(&aside);
    return ok;
}

void job_set_option(struct job_reader *r, const struct option_row *row, const struct tree_node *n,
                    const char *text, const char *env)
{
    struct err err;
    const char *where = row->name;
    struct option_value value = {.row = row, .where = where, .text = text};
    if (set(r, row, &value, &err)) {
        if (!is_settled(r, row)) {
            (void)remember(r, row, n, text, env);
        }
    } else if (err.kind == ERR_SYSTEM) {
        r->failure = err;
    } else if (env != NULL) {
        /* The value may be what nobody should read. */
        job_note(&r->notes, n->line, n->column,
                 "the value of the environment variable %s does not fit; it takes %s", env,
                 row->argument);
    } else {
        job_note(&r->notes, n->line, n->column, "%s", err.msg);
    }
}

/* ---- options ---- */

bool job_option_allowed(const struct option_row *row)
{
    static const char *const others[] = {"config", "print-config", "print-sql"};
    bool elsewhere = row->group == GROUP_SERVERS || strncmp(row->name, "source-", 7) == 0 ||
                     strncmp(row->name, "destination-", 12) == 0 ||
                     (row->group == GROUP_TABLES && strcmp(row->name, "where") != 0 &&
                      strcmp(row->name, "create-tables") != 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        elsewhere = elsewhere || strcmp(row->name, others[i]) == 0;
    }
    return !elsewhere && row->set != NULL && option_is_for(row, FOR_LOAD);
}

const char *job_option_takes(const struct option_row *row)
{
    return row->argument == NULL ? "true|false" : row->argument;
}

/* In options but elsewhere: where does it belong? */
static const char *right_place(const char *name)
{
    static const char *const places[][2] = {
        {"source",         "source: connection"     },
        {"destination",    "destination: connection"},
        {"table",          "select: tables"         },
        {"exclude-table",  "select: exclude-tables" },
        {"schema",         "select: schemas"        },
        {"exclude-schema", "select: exclude-schemas"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(places[i][0], name) == 0) {
            return places[i][1];
        }
    }
    return strncmp(name, "source-", 7) == 0         ? "source:"
           : strncmp(name, "destination-", 12) == 0 ? "destination:"
                                                    : NULL;
}

static void take_flag(struct job_reader *r, const struct option_row *row, const struct tree_node *n)
{
    bool on = false;
    if (job_bool(r, n, &on) && on) {
        job_set_option(r, row, n, "", NULL);
    }
}

static void take_item(struct job_reader *r, const struct option_row *row, const struct tree_node *n)
{
    const char *text = job_value(r, n, false);
    if (text != NULL) {
        job_set_option(r, row, n, text, NULL);
    }
}

static void take_items(struct job_reader *r, const struct option_row *row,
                       const struct tree_node *n)
{
    for (const struct tree_node *i = n->first; i != NULL && r->failure.kind == ERR_NONE;
         i = i->next) {
        take_item(r, row, i);
    }
}

static void take_option(struct job_reader *r, const struct option_row *row,
                        const struct tree_node *key)
{
    if (row->argument == NULL) {
        take_flag(r, row, key->value);
    } else if (row->repeatable && key->value->kind == TREE_LIST) {
        take_items(r, row, key->value);
    } else {
        take_item(r, row, key->value);
    }
}

/* "_" for "-", as other configuration files have it. False: too long for any option. */
static bool canonical(const char *text, char name[NAME_ROOM])
{
    size_t len = strlen(text);
    if (len >= NAME_ROOM) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        name[i] = text[i];
        if (text[i] == '_') {
            name[i] = '-';
        }
    }
    return true;
}

static const char *nearest_option(const char *name)
{
    const char *best = NULL;
    size_t len = strlen(name);
    size_t limit = nearest_limit(len);
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        size_t distance = nearest_distance(name, len, row->name);
        if (job_option_allowed(row) && distance < limit) {
            best = row->name;
            limit = distance;
        }
    }
    return best;
}

static void note_unknown(struct job_reader *r, const struct tree_node *key, const char *name)
{
    const char *place = name == NULL ? NULL : right_place(name);
    const char *near = name == NULL ? NULL : nearest_option(name);
    char shown[JOB_SHOWN_MAX + 4];
    if (place != NULL) {
        job_note(&r->notes, key->line, key->column,
                 "this does not belong into options; write it under %s", place);
    } else if (near != NULL) {
        job_note(&r->notes, key->line, key->column,
                 "unknown key \"%s\" in options; did you mean %s?", job_shown(key->text, shown),
                 near);
    } else {
        job_note(&r->notes, key->line, key->column,
                 "unknown key \"%s\" in options; \"sluice load --help\" lists the options, without "
                 "the --",
                 job_shown(key->text, shown));
    }
}

void job_take_options(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    if (!job_check_map(r, key->value, "options", true)) {
        return;
    }
    for (const struct tree_node *k = key->value->first; k != NULL && r->failure.kind == ERR_NONE;
         k = k->next) {
        char name[NAME_ROOM];
        bool known = !k->bad && canonical(k->text, name);
        const struct option_row *row = known ? option_named(name, strlen(name)) : NULL;
        if (row != NULL && job_option_allowed(row)) {
            take_option(r, row, k);
        } else if (!k->bad) {
            note_unknown(r, k, known ? name : NULL);
        }
    }
}

/* ---- select ---- */

/* The list replaces nothing but what is weaker: given as options, it is left aside as a whole. */
static void take_patterns(struct job_reader *r, const struct tree_node *key, const char *name)
{
    const struct option_row *row = option_named(name, strlen(name));
    if (key->value->bad) {
        return;
    }
    if (key->value->kind != TREE_LIST) {
        job_note(&r->notes, key->value->line, key->value->column,
                 "a list of patterns is wanted here, as [public.orders, \"*.items\"]");
        return;
    }
    for (const struct tree_node *i = key->value->first; i != NULL && r->failure.kind == ERR_NONE;
         i = i->next) {
        const char *text = job_text(r, i, false);
        if (text != NULL) {
            job_set_option(r, row, i, text, NULL);
        }
    }
}

static void take_tables(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    take_patterns(r, key, "table");
}

static void take_tables_out(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    take_patterns(r, key, "exclude-table");
}

static void take_schemas(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    take_patterns(r, key, "schema");
}

static void take_schemas_out(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    take_patterns(r, key, "exclude-schema");
}

static const struct job_key select_keys[] = {
    {"tables",          "list of texts", take_tables     },
    {"exclude-tables",  "list of texts", take_tables_out },
    {"schemas",         "list of texts", take_schemas    },
    {"exclude-schemas", "list of texts", take_schemas_out},
};
const struct job_keys job_select_keys = {select_keys, sizeof select_keys / sizeof select_keys[0],
                                         "select", false};

void job_take_select(struct job_reader *r, const struct tree_node *key, void *into)
{
    job_take_map(r, key->value, &job_select_keys, into);
}
