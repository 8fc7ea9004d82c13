#include "cli/options.h"

#include "base/log.h"
#include "cli/job_file.h"
#include "cli/nearest.h"
#include "cli/options_auth.h"
#include "cli/options_flow.h"
#include "cli/options_result.h"
#include "cli/options_schema.h"
#include "cli/options_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long would take abbreviations and print its own messages; this has neither and is as
 * short. */

struct parse {
    enum option_command command;
    char **words;
    size_t word_count;
    size_t at; /* the word being read */
    struct spec *spec;
    struct option_origin *origins; /* of OPTIONS_MAX */
    enum options_verdict verdict;
};

/* NULL when nothing is near. */
static const struct option_row *nearest(const struct parse *p, const char *name, size_t len)
{
    const struct option_row *best = NULL;
    size_t best_distance = nearest_limit(len);

    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        size_t distance = nearest_distance(name, len, row->name);
        if (!row->hidden && option_is_for(row, p->command) && distance < best_distance) {
            best = row;
            best_distance = distance;
        }
    }
    return best;
}

static bool refuse_unknown(const struct parse *p, const char *name, size_t len, struct err *err)
{
    size_t shown = len < NEAREST_MAX ? len : NEAREST_MAX;
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
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        if (option_is_for(row, p->command) && strlen(row->name) == len &&
            memcmp(row->name, name, len) == 0) {
            return row;
        }
    }
    return NULL;
}

static const struct option_row *find_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        if (row->letter == letter && option_is_for(row, p->command)) {
            return row;
        }
    }
    return NULL;
}

/* Storing values. */

#define WHERE_MAX 48 /* "--" and the longest name */

static bool keep(struct parse *p, const struct option_value *value, enum origin_kind kind,
                 struct err *err)
{
    struct option_origin *o = &p->origins[option_index(value->row)];

    if (!value->row->repeatable) {
        text_list_free(&o->texts);
        text_list_free(&o->envs);
    }
    o->kind = kind;
    return value->row->set(p->spec, value, err) &&
           origin_add(o, value->row->secret ? "" : value->text, NULL, err);
}

static bool store(struct parse *p, const struct option_row *row, const char *text, struct err *err)
{
    char where[WHERE_MAX];
    struct option_value value = {.row = row, .where = where, .text = text};

    (void)snprintf(where, sizeof(where), "--%s", row->name);
    if (row->set == NULL) {
        p->verdict = row->verdict;
        return true;
    }
    return keep(p, &value, ORIGIN_WORD, err);
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
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        if (row->variable == NULL || p->origins[i].kind != ORIGIN_DEFAULT ||
            !option_is_for(row, p->command)) {
            continue;
        }
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet, see spec.h. */
        const char *text = getenv(row->variable);
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        struct option_value value = {.row = row, .where = row->variable, .text = text};
        if (!keep(p, &value, ORIGIN_VARIABLE, err)) {
            return false;
        }
    }
    return true;
}

static bool check_servers(const struct parse *p, struct err *err)
{
    const struct spec *spec = p->spec;
    const unsigned needs = FOR_LOAD | FOR_CHECK | FOR_BENCH;

    if ((p->command & needs) == 0 || spec->print_sql || spec->print_config ||
        secret_is_set(&spec->source) || secret_is_set(&spec->destination)) {
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

/* The file says only what neither a word nor a variable has said. */
static bool read_file(const struct parse *p, struct options_result *out, struct err *err)
{
    struct job_file file = {.path = p->spec->config,
                            .command = p->command,
                            .spec = p->spec,
                            .origins = &out->origins,
                            .findings = &out->findings};
    return p->spec->config == NULL || job_file_read(&file, err);
}

bool options_read(enum option_command command, int argc, char **argv, struct options_result *out,
                  struct err *err)
{
    struct parse p = {.command = command,
                      .words = argv,
                      .word_count = argc > 0 ? (size_t)argc : 0,
                      .spec = &out->spec,
                      .origins = out->origins.options,
                      .verdict = OPTIONS_RUN};

    *out = (struct options_result){.verdict = OPTIONS_RUN};
    if (!options_defaults(p.spec, err) || !read_words(&p, err)) {
        hide_rest(&p);
        return false;
    }
    if (p.verdict == OPTIONS_RUN &&
        !(read_variables(&p, err) && read_file(&p, out, err) && check_servers(&p, err) &&
          options_check_auth(command, p.spec, err) && options_check_flow(command, p.spec, err) &&
          options_check_schema(command, p.spec, p.origins, err))) {
        return false;
    }
    out->verdict = p.verdict;
    return true;
}

void options_result_free(struct options_result *r)
{
    spec_free(&r->spec);
    config_origins_free(&r->origins);
    findings_free(&r->findings);
}

bool options_parse(enum option_command command, int argc, char **argv,
                   enum options_verdict *verdict, struct spec *spec, struct err *err)
{
    struct options_result *r = malloc(sizeof *r);

    *spec = (struct spec){0};
    if (r == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    bool ok = options_read(command, argc, argv, r, err);
    if (ok) {
        *verdict = r->verdict;
    }
    *spec = r->spec;
    r->spec = (struct spec){0};
    options_result_free(r);
    free(r);
    return ok;
}

void options_open_log(const struct spec *spec)
{
    enum log_level level = spec->quiet ? LOG_ERROR : spec->verbose ? LOG_DEBUG : LOG_INFO;
    log_open(level, spec->log_json ? LOG_JSON : LOG_TEXT);
}
