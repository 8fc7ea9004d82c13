#include "cli/print_config.h"

#include "base/cleanup.h"
#include "cli/connection_text.h"
#include "cli/job_file_keys.h"
#include "cli/yaml_text.h"
#include "pg/conninfo.h"

#include <stdio.h>
#include <string.h>

#define PAIR_NAME_MAX 2049 /* OPTION_TEXT_MAX and the NUL */

struct printing {
    const struct options_result *r;
    struct buf *out;
    const char *section; /* printed before the first line of it; NULL: it is */
};

/* ---- where a value comes from ---- */

static void add_path(struct printing *p, unsigned line)
{
    for (const char *c = p->r->spec.config == NULL ? "" : p->r->spec.config; *c != '\0'; c++) {
        bool control = (unsigned char)*c < ' ' || *c == 0x7F;
        buf_add(p->out, control ? "?" : c, 1);
    }
    buf_printf(p->out, ":%u", line);
}

static void end_line(struct printing *p, const struct option_row *row, const char *more)
{
    const struct option_origin *o = &p->r->origins.options[option_index(row)];
    buf_puts(p->out, "  # ");
    switch (o->kind) {
    case ORIGIN_WORD:
        buf_printf(p->out, "--%s", row->name);
        break;
    case ORIGIN_VARIABLE:
        buf_puts(p->out, row->variable);
        break;
    case ORIGIN_FILE:
        add_path(p, o->line);
        break;
    case ORIGIN_DEFAULT:
    default:
        buf_puts(p->out, "default");
        break;
    }
    buf_printf(p->out, "%s\n", more);
}

static void end_file_line(struct printing *p, unsigned line)
{
    buf_puts(p->out, "  # ");
    add_path(p, line);
    buf_puts(p->out, "\n");
}

static void open_section(struct printing *p)
{
    if (p->section != NULL) {
        buf_printf(p->out, "%s:\n", p->section);
        p->section = NULL;
    }
}

/* ---- sides ---- */

/* Leaves the passwords out; false: it cannot be taken apart, and is better not shown. */
static bool add_stripped(struct printing *p, const struct secret *text)
{
    CLEANUP(secret_free) struct secret shown = {.bytes = NULL};
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    struct err err;
    if (!conninfo_parse(text, "source", &c, &err) || !conninfo_set(c, "password", "", &err) ||
        !conninfo_set(c, "sslpassword", "", &err) || !conninfo_text(c, &shown, &err)) {
        return false;
    }
    while (shown.len > 0 && shown.bytes[shown.len - 1] == ' ') {
        shown.bytes[--shown.len] = '\0';
    }
    bool still = true; /* in a place where libpq looks for no password */
    if (!connection_has_password(&shown, &still, &err) || still) {
        return false;
    }
    yaml_add_text(p->out, secret_reveal(&shown), false);
    return true;
}

static bool add_connection(struct printing *p, const struct secret *text, bool *has_password)
{
    struct err err;
    if (!connection_has_password(text, has_password, &err)) {
        return false;
    }
    if (*has_password) {
        return add_stripped(p, text);
    }
    yaml_add_text(p->out, secret_reveal(text), false);
    return true;
}

static const struct option_row *row_of(const char *side, const char *suffix)
{
    char name[48];
    int len = snprintf(name, sizeof name, "%s%s", side, suffix);
    return option_named(name, (size_t)len);
}

static const struct option_origin *origin_of(const struct printing *p, const struct option_row *row)
{
    return &p->r->origins.options[option_index(row)];
}

static void print_connection(struct printing *p, const char *side, const struct secret *text)
{
    const struct option_row *row = row_of(side, "");
    const struct option_origin *o = origin_of(p, row);
    bool has_password = false;
    if (!secret_is_set(text)) {
        return;
    }
    open_section(p);
    if (o->envs.count > 0 && o->envs.items[0][0] != '\0') {
        buf_printf(p->out, "  connection: {env: %s}", o->envs.items[0]);
    } else {
        size_t mark = p->out->len;
        buf_puts(p->out, "  connection: ");
        if (!add_connection(p, text, &has_password)) {
            p->out->len = p->out->failed ? p->out->len : mark;
            buf_puts(p->out, "  # connection: hidden");
            has_password = false;
        }
    }
    end_line(p, row, has_password ? ", the password left out" : "");
}

static void print_value(struct printing *p, const struct option_row *row, size_t i)
{
    const struct option_origin *o = origin_of(p, row);
    if (o->envs.items[i][0] != '\0') {
        buf_printf(p->out, "{env: %s}", o->envs.items[i]);
    } else {
        yaml_add_text(p->out, o->texts.items[i], false);
    }
}

/* "k=v" as k: v */
static void print_pairs(struct printing *p, const char *key, const struct option_row *row)
{
    const struct option_origin *o = origin_of(p, row);
    for (size_t i = 0; i < o->texts.count; i++) {
        char name[PAIR_NAME_MAX];
        const char *equals = strchr(o->texts.items[i], '=');
        open_section(p);
        if (i == 0) {
            buf_printf(p->out, "  %s:", key);
            end_line(p, row, "");
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(equals - o->texts.items[i]),
                       o->texts.items[i]);
        buf_puts(p->out, "    ");
        yaml_add_text(p->out, name, false);
        buf_puts(p->out, ": ");
        if (o->envs.items[i][0] != '\0') {
            buf_printf(p->out, "{env: %s}", o->envs.items[i]);
        } else {
            yaml_add_text(p->out, equals + 1, false);
        }
        end_line(p, row, "");
    }
}

static void print_side(struct printing *p, const char *side, const struct secret *connection)
{
    static const char *const suffixes[] = {"secret",   "iam",    "role-arn", "external-id",
                                           "iam-host", "region", "ca",       "password-kms"};
    char section[16];
    char suffix[24];
    (void)snprintf(section, sizeof section, "%s", side);
    p->section = section;
    print_connection(p, side, connection);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(suffix, sizeof suffix, "-%s", suffixes[i]);
        const struct option_row *row = row_of(side, suffix);
        if (origin_of(p, row)->texts.count > 0) {
            open_section(p);
            buf_printf(p->out, "  %s: ", suffixes[i]);
            if (row->argument == NULL) {
                buf_puts(p->out, "true");
            } else {
                print_value(p, row, 0);
            }
            end_line(p, row, "");
        }
    }
    print_pairs(p, "role-tags", row_of(side, "-session-tag"));
    print_pairs(p, "kms-context", row_of(side, "-kms-context"));
    p->section = NULL;
}

/* ---- options and select ---- */

static void print_list(struct printing *p, const char *key, const struct option_row *row)
{
    const struct option_origin *o = origin_of(p, row);
    for (size_t i = 0; i < o->texts.count; i++) {
        open_section(p);
        if (i == 0) {
            buf_printf(p->out, "  %s:", key);
            end_line(p, row, "");
        }
        buf_puts(p->out, "    - ");
        yaml_add_text(p->out, o->texts.items[i], false);
        end_line(p, row, "");
    }
}

static void print_option(struct printing *p, const struct option_row *row)
{
    const struct option_origin *o = origin_of(p, row);
    if (row->repeatable) {
        print_list(p, row->name, row);
        return;
    }
    if (o->texts.count == 0 && row->argument != NULL && !row->preset) {
        return; /* without a value of its own: what its help says holds */
    }
    open_section(p);
    buf_printf(p->out, "  %s: ", row->name);
    if (row->argument == NULL) {
        buf_puts(p->out, o->texts.count > 0 ? "true" : "false");
    } else {
        yaml_add_text(p->out, o->texts.count > 0 ? o->texts.items[0] : row->default_text, true);
    }
    end_line(p, row, "");
}

static void print_options(struct printing *p)
{
    static const char *const lists[][2] = {
        {"tables",          "table"         },
        {"exclude-tables",  "exclude-table" },
        {"schemas",         "schema"        },
        {"exclude-schemas", "exclude-schema"}
    };
    p->section = "options";
    for (size_t i = 0; i < options_count(); i++) {
        if (job_option_allowed(option_at(i))) {
            print_option(p, option_at(i));
        }
    }
    p->section = "select";
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        print_list(p, lists[i][0], option_named(lists[i][1], strlen(lists[i][1])));
    }
    p->section = NULL;
}

/* ---- rules ---- */

static void print_wish(struct printing *p, const char *key, const char *text, unsigned line)
{
    if (text != NULL) {
        buf_printf(p->out, "%s: ", key);
        yaml_add_text(p->out, text, false);
        end_file_line(p, line);
    }
}

static const char *mode_word(enum table_mode mode)
{
    static const char *const words[] = {[TABLE_MODE_UNSAID] = NULL,
                                        [TABLE_STANDARD] = "standard",
                                        [TABLE_SHARDED] = "sharded",
                                        [TABLE_REFERENCE] = "reference"};
    return words[mode];
}

static void print_chunk_size(struct printing *p, const char *key, uint64_t bytes, unsigned line)
{
    if (bytes > 0) {
        buf_printf(p->out, "%s: %llu", key, (unsigned long long)bytes);
        end_file_line(p, line);
    }
}

static void print_defaults(struct printing *p, const struct table_rule *t,
                           const struct rule_lines *l)
{
    buf_puts(p->out, "defaults:");
    end_file_line(p, t->line);
    print_wish(p, "  mode", mode_word(t->mode), l->mode);
    print_wish(p, "  format", t->has_format ? format_choice_name(t->format) : NULL, l->format);
    print_chunk_size(p, "  chunk-size", t->chunk_bytes, l->chunk_size);
    print_wish(p, "  to-schema", t->to_schema, l->to_schema);
}

static void print_columns(struct printing *p, const struct table_rule *t)
{
    if (t->column_count > 0) {
        buf_puts(p->out, "    columns:");
        end_file_line(p, t->columns[0].line);
    }
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_rule *c = &t->columns[i];
        bool silent = c->expression == NULL && c->rename == NULL;
        buf_puts(p->out, "      ");
        yaml_add_text(p->out, c->column, false);
        buf_puts(p->out, ":");
        end_file_line(p, c->line);
        print_wish(p, "        expression", c->expression, c->line);
        print_wish(p, "        type", c->type, c->line);
        print_wish(p, "        rename", c->rename, c->line);
        if (silent) {
            buf_printf(p->out, "        leave-out: %s", c->leave_out ? "true" : "false");
            end_file_line(p, c->line);
        }
    }
}

static void print_shard_key(struct printing *p, const struct text_list *key, unsigned line)
{
    for (size_t i = 0; i < key->count; i++) {
        buf_puts(p->out, i == 0 ? "    shard-key: [" : ", ");
        yaml_add_text(p->out, key->items[i], false);
    }
    if (key->count > 0) {
        buf_puts(p->out, "]");
        end_file_line(p, line);
    }
}

static void print_to(struct printing *p, const struct table_rule *t, const struct rule_lines *l)
{
    if (t->to_schema != NULL || t->to_table != NULL) {
        buf_puts(p->out, "    to:");
        end_file_line(p, l->to_schema != 0 ? l->to_schema : l->to_table);
        print_wish(p, "      schema", t->to_schema, l->to_schema);
        print_wish(p, "      table", t->to_table, l->to_table);
    }
}

static void print_rule(struct printing *p, const struct table_rule *t, const struct rule_lines *l)
{
    open_section(p);
    buf_puts(p->out, "  ");
    yaml_add_text(p->out, t->pattern, false);
    buf_puts(p->out, ":");
    end_file_line(p, t->line);
    print_wish(p, "    mode", mode_word(t->mode), l->mode);
    print_shard_key(p, &t->shard_key, l->shard_key);
    print_wish(p, "    collocate-with", t->collocate_with, l->collocate_with);
    print_wish(p, "    where", t->where, l->where);
    print_to(p, t, l);
    print_wish(p, "    format", t->has_format ? format_choice_name(t->format) : NULL, l->format);
    print_chunk_size(p, "    chunk-size", t->chunk_bytes, l->chunk_size);
    print_columns(p, t);
}

bool print_config(const struct options_result *r, struct buf *out, struct err *err)
{
    struct printing p = {.r = r, .out = out};
    const struct table_rules *rules = &r->spec.rules;
    buf_puts(out, "version: 1\n");
    print_side(&p, "source", &r->spec.source);
    print_side(&p, "destination", &r->spec.destination);
    print_options(&p);
    p.section = "tables";
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule_lines *lines = &r->origins.rules[i];
        if (rules->items[i].is_default) {
            print_defaults(&p, &rules->items[i], lines);
        } else {
            print_rule(&p, &rules->items[i], lines);
        }
    }
    return buf_ok(out, err);
}
