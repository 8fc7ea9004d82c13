#include "cli/options_set.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* What several options have in common. */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static bool refuse_blank(const struct option_value *value, struct err *err)
{
    if (is_blank(value->text)) {
        return err_set(err, ERR_USAGE, "%s: the value is empty; it takes %s", value->where,
                       value->row->argument);
    }
    return true;
}

/* Replaces a text that an earlier use of the option may have left. */
static bool keep_text(char **slot, const char *text, struct err *err)
{
    char *copy = str_copy(text);

    if (copy == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    free(*slot);
    *slot = copy;
    return true;
}

static bool add_pattern(struct text_list *list, const struct option_value *value, struct err *err)
{
    if (!refuse_blank(value, err)) {
        return false;
    }
    if (list->count >= REPEATS_MAX) {
        return err_set(err, ERR_USAGE, "%s: given more than %d times; use patterns", value->where,
                       REPEATS_MAX);
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    list->items = items;
    list->items[list->count] = NULL;
    if (!keep_text(&list->items[list->count], value->text, err)) {
        return false;
    }
    list->count++;
    return true;
}

bool option_check_text(const struct option_value *value, struct err *err)
{
    if (!refuse_blank(value, err)) {
        return false;
    }
    if (strlen(value->text) > OPTION_TEXT_MAX) {
        return err_set(err, ERR_USAGE, "%s: the value is longer than %d bytes", value->where,
                       OPTION_TEXT_MAX);
    }
    for (const char *c = value->text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            return err_set(err, ERR_USAGE, "%s: the value has a control character in it",
                           value->where);
        }
    }
    return true;
}

bool option_keep_text(char **slot, const struct option_value *value, struct err *err)
{
    return option_check_text(value, err) && keep_text(slot, value->text, err);
}

bool option_choose(const struct option_value *value, unsigned *choice, struct err *err)
{
    size_t len = strlen(value->text);
    unsigned number = 0;

    for (const char *word = value->row->argument; *word != '\0'; number++) {
        size_t word_len = strcspn(word, "|");
        if (word_len == len && memcmp(word, value->text, len) == 0) {
            *choice = number;
            return true;
        }
        word += word_len + (word[word_len] == '|' ? 1 : 0);
    }
    return err_set(err, ERR_USAGE, "%s: \"%s\" is not one of %s", value->where, value->text,
                   value->row->argument);
}

static bool take_duration(const struct option_value *value, uint64_t *duration_ms, struct err *err)
{
    uint64_t result_ms = 0;

    if (!parse_duration(value->text, value->where, &result_ms, err)) {
        return false;
    }
    if (result_ms > DURATION_MAX_MS) {
        return err_set(err, ERR_USAGE, "%s: \"%s\" is too long; at most 30d", value->where,
                       value->text);
    }
    *duration_ms = result_ms;
    return true;
}

/* Servers. The text of a connection string never goes into a message. */

static bool take_server(struct secret *server, const struct option_value *value, struct err *err)
{
    if (is_blank(value->text)) {
        return err_set(err, ERR_USAGE,
                       "%s: the value is empty; leave the option out to connect as the PG* "
                       "variables say",
                       value->where);
    }
    return secret_set(server, value->text, err);
}

OPTION_SETTER(source)
{
    return take_server(&spec->source, value, err);
}

OPTION_SETTER(destination)
{
    return take_server(&spec->destination, value, err);
}

/* Tables. */

OPTION_SETTER(table)
{
    return add_pattern(&spec->tables, value, err);
}

OPTION_SETTER(exclude_table)
{
    return add_pattern(&spec->tables_out, value, err);
}

OPTION_SETTER(schema)
{
    return add_pattern(&spec->schemas, value, err);
}

OPTION_SETTER(exclude_schema)
{
    return add_pattern(&spec->schemas_out, value, err);
}

/* The first = that no double quotes enclose: a quoted table name may hold one. */
static const char *find_equals(const char *text)
{
    bool quoted = false;

    for (; *text != '\0'; text++) {
        if (*text == '"') {
            quoted = !quoted;
        } else if (*text == '=' && !quoted) {
            return text;
        }
    }
    return NULL;
}

/* The expression may hold what nobody should read in a log, so messages do not show it. */
static bool split_where(const struct option_value *value, struct where_filter *filter,
                        struct err *err)
{
    const char *equals = find_equals(value->text);

    if (equals == NULL || is_blank(equals + 1)) {
        return err_set(err, ERR_USAGE,
                       "%s: write TABLE=EXPR, such as public.orders=\"placed_at >= '2024-01-01'\"",
                       value->where);
    }
    filter->table = strndup(value->text, (size_t)(equals - value->text));
    filter->expression = str_copy(equals + 1);
    if (filter->table == NULL || filter->expression == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    if (is_blank(filter->table)) {
        return err_set(err, ERR_USAGE, "%s: no table stands before the =; write TABLE=EXPR",
                       value->where);
    }
    return true;
}

OPTION_SETTER(where)
{
    if (spec->where_count >= REPEATS_MAX) {
        return err_set(err, ERR_USAGE, "%s: given more than %d times", value->where, REPEATS_MAX);
    }
    struct where_filter *where =
        realloc(spec->where, (spec->where_count + 1) * sizeof(*spec->where));
    if (where == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    /* Counted at once, so that spec_free finds what a failure leaves behind. */
    spec->where = where;
    where[spec->where_count] = (struct where_filter){0};
    return split_where(value, &where[spec->where_count++], err);
}

/* Speed. */

OPTION_SETTER(memory)
{
    return parse_size(value->text, value->where, MEMORY_MIN, MEMORY_MAX, &spec->memory_bytes, err);
}

OPTION_SETTER(chunk_size)
{
    return parse_size(value->text, value->where, CHUNK_MIN, CHUNK_MAX, &spec->chunk_bytes, err);
}

OPTION_SETTER(chunk_by)
{
    static const enum chunk_by choices[] = {CHUNK_BY_AUTO, CHUNK_BY_TID, CHUNK_BY_KEY};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->chunk_by = choices[choice];
    return true;
}

/* Writing. */

OPTION_SETTER(format)
{
    static const enum format_choice choices[] = {FORMAT_AUTO, FORMAT_BINARY, FORMAT_TEXT};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->format = choices[choice];
    return true;
}

OPTION_SETTER(mode)
{
    static const enum load_mode choices[] = {MODE_ERROR, MODE_APPEND, MODE_TRUNCATE};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->mode = choices[choice];
    return true;
}

OPTION_SETTER(create_tables)
{
    spec->create_tables = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(routers)
{
    static const enum routers_choice choices[] = {ROUTERS_AUTO, ROUTERS_OFF};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->routers = choices[choice];
    return true;
}

OPTION_SETTER(triggers)
{
    static const enum triggers_choice choices[] = {TRIGGERS_KEEP, TRIGGERS_DISABLE};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->triggers = choices[choice];
    return true;
}

OPTION_SETTER(no_sequences)
{
    spec->sequences = false;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(no_analyze)
{
    spec->analyze = false;
    (void)value;
    (void)err;
    return true;
}

/* The job. */

/* Lead byte and second byte of what looks like UTF-8 but is not: a control character of Latin 1, a
 * character written longer than need be, a surrogate, or one past the last. */
static bool is_not_character(unsigned char lead, unsigned char second)
{
    return (lead == 0xC2 && second < 0xA0) || (lead == 0xE0 && second < 0xA0) ||
           (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
           (lead == 0xF4 && second > 0x8F);
}

/* Length of the printable UTF-8 character at text, 0 when there is none: a server would refuse
 * other bytes in the middle of the run. */
static size_t printable_len(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (at[0] < 0x80) {
        return at[0] >= 0x20 && at[0] != 0x7F ? 1 : 0;
    }
    if (at[0] < 0xC2 || at[0] > 0xF4 || is_not_character(at[0], at[1])) {
        return 0;
    }
    size_t len = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

OPTION_SETTER(job)
{
    const char *text = value->text;
    size_t characters = 0;

    if (!refuse_blank(value, err)) {
        return false;
    }
    for (size_t len = 0; *text != '\0'; text += len, characters++) {
        len = *text == '/' ? 0 : printable_len(text);
        if (len == 0) {
            return err_set(err, ERR_USAGE,
                           "%s: a job's name has printable characters only, and no slash",
                           value->where);
        }
    }
    if (characters > JOB_NAME_MAX) {
        return err_set(err, ERR_USAGE, "%s: a job's name has at most %d characters, not %zu",
                       value->where, JOB_NAME_MAX, characters);
    }
    return keep_text(&spec->job, value->text, err);
}

OPTION_SETTER(restart)
{
    spec->restart = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(on_lost_snapshot)
{
    static const enum lost_snapshot_choice choices[] = {LOST_FAIL, LOST_RESTART_TABLES};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->on_lost_snapshot = choices[choice];
    return true;
}

OPTION_SETTER(hold_snapshot)
{
    return take_duration(value, &spec->hold_snapshot_ms, err);
}

OPTION_SETTER(retry_for)
{
    return take_duration(value, &spec->retry_budget_ms, err);
}

OPTION_SETTER(ledger_schema)
{
    if (!refuse_blank(value, err)) {
        return false;
    }
    if (strlen(value->text) > SCHEMA_NAME_MAX) {
        return err_set(err, ERR_USAGE, "%s: a schema's name has at most %d bytes", value->where,
                       SCHEMA_NAME_MAX);
    }
    if (strncmp(value->text, "pg_", 3) == 0 || strcmp(value->text, "information_schema") == 0) {
        return err_set(err, ERR_USAGE, "%s: schema \"%s\" belongs to the server", value->where,
                       value->text);
    }
    return keep_text(&spec->ledger_schema, value->text, err);
}

OPTION_SETTER(config)
{
    return option_keep_text(&spec->config, value, err);
}

OPTION_SETTER(print_config)
{
    spec->print_config = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(dry_run)
{
    spec->dry_run = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(print_sql)
{
    spec->print_sql = true;
    (void)value;
    (void)err;
    return true;
}

/* Output. */

OPTION_SETTER(progress)
{
    static const enum progress_choice choices[] = {PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN,
                                                   PROGRESS_JSON, PROGRESS_NONE};
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->progress = choices[choice];
    return true;
}

OPTION_SETTER(log_format)
{
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->log_json = choice == 1;
    return true;
}

/* Of -v and -q the last one holds. */

OPTION_SETTER(verbose)
{
    spec->verbose = true;
    spec->quiet = false;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(quiet)
{
    spec->quiet = true;
    spec->verbose = false;
    (void)value;
    (void)err;
    return true;
}
