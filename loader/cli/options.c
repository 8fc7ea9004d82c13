#include "cli/options.h"

#include "base/log.h"
#include "cli/options_auth.h"
#include "cli/options_flow.h"
#include "cli/options_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long would take abbreviations and print its own messages; this has neither and is as
 * short. */

struct parse {
    enum option_command command;
    const struct option_row *rows;
    size_t row_count;
    char **words;
    size_t word_count;
    size_t at; /* the word being read */
    struct spec *spec;
    bool given[OPTIONS_MAX];
    enum options_verdict verdict;
};

/* Nearest known name. */

#define WORD_MAX 40 /* of an unknown option: what is compared and shown */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Levenshtein's distance, one row of the matrix at a time. Neither is longer than WORD_MAX. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(changed, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[b_len];
}

/* NULL when nothing is near: a third of the word may differ, or two letters. A beginning of a name,
 * as people type it, is as near as can be. */
static const struct option_row *nearest(const struct parse *p, const char *name, size_t len)
{
    const struct option_row *best = NULL;
    size_t best_distance = len < 4 ? 2 : most(3, len / 3 + 1);

    for (size_t i = 0; i < p->row_count; i++) {
        const struct option_row *row = &p->rows[i];
        size_t row_len = strlen(row->name);
        size_t distance = len >= 3 && strncmp(row->name, name, len) == 0
                              ? 0
                              : edit_distance(name, len, row->name, row_len);
        if (!row->hidden && option_is_for(row, p->command) && distance < best_distance) {
            best = row;
            best_distance = distance;
        }
    }
    return best;
}

static bool refuse_unknown(const struct parse *p, const char *name, size_t len, struct err *err)
{
    size_t shown = least(len, WORD_MAX);
    const struct option_row *near = nearest(p, name, shown);

    if (near == NULL) {
        return err_set(err, ERR_USAGE, "unknown option --%.*s; \"sluice %s --help\" lists them",
                       (int)shown, name, command_name(p->command));
    }
    return err_set(err, ERR_USAGE,
                   "unknown option --%.*s; did you mean --%s? \"sluice %s --help\" lists them",
                   (int)shown, name, near->name, command_name(p->command));
}

/* Finding rows. */

static const struct option_row *find_name(const struct parse *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->row_count; i++) {
        if (option_is_for(&p->rows[i], p->command) && strlen(p->rows[i].name) == len &&
            memcmp(p->rows[i].name, name, len) == 0) {
            return &p->rows[i];
        }
    }
    return NULL;
}

static const struct option_row *find_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < p->row_count; i++) {
        if (p->rows[i].letter == letter && option_is_for(&p->rows[i], p->command)) {
            return &p->rows[i];
        }
    }
    return NULL;
}

/* Storing values. */

#define WHERE_MAX 48 /* "--" and the longest name */

static bool store(struct parse *p, const struct option_row *row, const char *text, struct err *err)
{
    char where[WHERE_MAX];
    struct option_value value = {.row = row, .where = where, .text = text};

    (void)snprintf(where, sizeof(where), "--%s", row->name);
    p->given[row - p->rows] = true;
    if (row->set == NULL) {
        p->verdict = row->verdict;
        return true;
    }
    return row->set(p->spec, &value, err);
}

/* The value is stored before it is hidden: ps shows argv as it is in memory. */
static bool store_word(struct parse *p, const struct option_row *row, char *text, struct err *err)
{
    bool ok = store(p, row, text, err);

    if (row->secret) {
        memset(text, '*', strlen(text));
    }
    return ok;
}

/* The next word is the value, unless it is plainly the next option and the value was forgotten. */
static char *next_value(struct parse *p, const struct option_row *row, struct err *err)
{
    char *next = p->at + 1 < p->word_count ? p->words[p->at + 1] : NULL;

    if (next == NULL) {
        (void)err_set(err, ERR_USAGE, "--%s: a value is missing; it takes %s", row->name,
                      row->argument);
        return NULL;
    }
    if (strncmp(next, "--", 2) == 0 && find_name(p, next + 2, strcspn(next + 2, "=")) != NULL) {
        (void)err_set(err, ERR_USAGE,
                      "--%s: a value is missing; it takes %s, and what follows is the option %.*s",
                      row->name, row->argument, (int)strcspn(next, "="), next);
        return NULL;
    }
    p->at++;
    return next;
}

/* Reading words. */

static bool read_long(struct parse *p, char *word, struct err *err)
{
    char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct option_row *row = find_name(p, name, len);
    bool has_value = name[len] == '=';

    if (row == NULL) {
        return refuse_unknown(p, name, len, err);
    }
    if (row->argument == NULL) {
        return has_value ? err_set(err, ERR_USAGE, "--%s takes no value", row->name)
                         : store(p, row, "", err);
    }
    char *value = has_value ? name + len + 1 : next_value(p, row, err);
    return value != NULL && store_word(p, row, value, err);
}

/* "-v", "-vq", "-j8", "-j 8", "-vj8". */
static bool read_letters(struct parse *p, char *word, struct err *err)
{
    for (char *letter = word + 1; *letter != '\0'; letter++) {
        const struct option_row *row = find_letter(p, *letter);
        if (row == NULL) {
            bool plain = *letter > ' ' && *letter < 0x7F;
            return err_set(err, ERR_USAGE, "unknown option -%c; \"sluice %s --help\" lists them",
                           plain ? *letter : '?', command_name(p->command));
        }
        if (row->argument != NULL) {
            char *value = letter[1] != '\0' ? letter + 1 : next_value(p, row, err);
            return value != NULL && store_word(p, row, value, err);
        }
        if (!store(p, row, "", err)) {
            return false;
        }
    }
    return true;
}

/* The word itself is not shown: it may be half of a connection string that was not quoted. */
static bool refuse_plain_word(const struct parse *p, size_t at, struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "word %zu of %zu after \"%s\" belongs to no option; databases are given with "
                   "--source and --destination, tables with -t, and values with spaces in quotes",
                   at + 1, p->word_count, command_name(p->command));
}

static bool read_word(struct parse *p, struct err *err)
{
    char *word = p->words[p->at];

    if (strcmp(word, "--") == 0) {
        if (p->at + 1 < p->word_count) {
            return refuse_plain_word(p, p->at + 1, err);
        }
        return true;
    }
    if (word[0] == '-' && word[1] == '-') {
        return read_long(p, word, err);
    }
    if (word[0] == '-' && word[1] != '\0') {
        return read_letters(p, word, err);
    }
    return refuse_plain_word(p, p->at, err);
}

/* Stops at --help: what comes after it need not be right. */
static bool read_words(struct parse *p, struct err *err)
{
    for (; p->at < p->word_count && p->verdict == OPTIONS_RUN; p->at++) {
        if (!read_word(p, err)) {
            return false;
        }
    }
    return true;
}

/* A variable that is set to nothing counts as not set. */
static bool read_variables(struct parse *p, struct err *err)
{
    for (size_t i = 0; i < p->row_count; i++) {
        const struct option_row *row = &p->rows[i];
        if (row->variable == NULL || p->given[i] || !option_is_for(row, p->command)) {
            continue;
        }
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet, see spec.h. */
        const char *text = getenv(row->variable);
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        struct option_value value = {.row = row, .where = row->variable, .text = text};
        p->given[i] = true;
        if (!row->set(p->spec, &value, err)) {
            return false;
        }
    }
    return true;
}

static bool check_servers(const struct parse *p, struct err *err)
{
    const struct spec *spec = p->spec;
    const unsigned needs = FOR_LOAD | FOR_CHECK | FOR_BENCH;

    if ((p->command & needs) == 0 || spec->print_sql || secret_is_set(&spec->source) ||
        secret_is_set(&spec->destination)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "neither --source nor --destination is given; one of them may be left out and "
                   "then follows the PG* variables (\"sluice %s --help\" has examples)",
                   command_name(p->command));
}

/* After a wrong word, what follows was not read, and may be a connection string all the same. */
static void hide_rest(struct parse *p)
{
    for (; p->at < p->word_count; p->at++) {
        memset(p->words[p->at], '*', strlen(p->words[p->at]));
    }
}

bool options_parse(enum option_command command, int argc, char **argv,
                   enum options_verdict *verdict, struct spec *spec, struct err *err)
{
    struct parse p = {.command = command,
                      .words = argv,
                      .word_count = argc > 0 ? (size_t)argc : 0,
                      .spec = spec,
                      .verdict = OPTIONS_RUN};

    *spec = (struct spec){0};
    p.rows = options_table(&p.row_count);
    if (!options_defaults(spec, err) || !read_words(&p, err)) {
        hide_rest(&p);
        return false;
    }
    if (p.verdict == OPTIONS_RUN &&
        !(read_variables(&p, err) && check_servers(&p, err) &&
          options_check_auth(command, spec, err) && options_check_flow(spec, err))) {
        return false;
    }
    *verdict = p.verdict;
    return true;
}

void options_open_log(const struct spec *spec)
{
    enum log_level level = spec->quiet ? LOG_ERROR : spec->verbose ? LOG_DEBUG : LOG_INFO;
    log_open(level, spec->log_json ? LOG_JSON : LOG_TEXT);
}
