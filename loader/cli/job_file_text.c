#include "cli/job_file_keys.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* ---- what YAML takes a plain text for ---- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

static const char *skip(const char *text, const char *set)
{
    return text + strspn(text, set);
}

static const char *skip_sign(const char *text)
{
    return text + (*text == '-' || *text == '+' ? 1 : 0);
}

static bool is_decimal(const char *text)
{
    const char *digits = skip_sign(text);
    return *digits != '\0' && *skip(digits, DIGITS) == '\0' &&
           (digits[0] != '0' || digits[1] == '\0');
}

/* 010 and 0o10, 0x1F, 0b1, 1_000: who reads them does not agree with who wrote them. */
static bool is_odd_integer(const char *text)
{
    const char *digits = skip_sign(text);
    if (digits[0] == '0' && digits[1] != '\0') {
        const char *behind = skip(digits + 2, "0123456789abcdefABCDEF_");
        bool radix = strchr("xob", digits[1]) != NULL && digits[2] != '\0' && *behind == '\0';
        return radix || *skip(digits, DIGITS "_") == '\0';
    }
    return *digits >= '0' && *digits <= '9' && strchr(digits, '_') != NULL &&
           *skip(digits, DIGITS "_") == '\0';
}

/* 1e3, 1.5, .5, 1., 6.02e+23, .inf, .nan */
static bool is_float(const char *text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
    const char *at = skip_sign(text);
    if (is_one_of(at, words)) {
        return true;
    }
    const char *fraction = skip(at, DIGITS "_");
    size_t digits = (size_t)(fraction - at);
    const char *end = fraction;
    if (*fraction == '.') {
        end = skip(fraction + 1, DIGITS "_");
        digits += (size_t)(end - fraction) - 1;
    }
    if (digits == 0 || (*at == '_')) {
        return false;
    }
    if (*end == 'e' || *end == 'E') {
        const char *power = skip_sign(end + 1);
        return *power != '\0' && *skip(power, DIGITS) == '\0';
    }
    return *fraction == '.' && *end == '\0';
}

/* 12:30 and 1:30:00 */
static bool is_sexagesimal(const char *text)
{
    const char *at = skip_sign(text);
    const char *end = skip(at, DIGITS);
    unsigned parts = 0;
    while (end > at && *end == ':') {
        at = end + 1;
        end = skip(at, DIGITS);
        parts++;
    }
    return parts > 0 && end > at && (*end == '\0' || (*end == '.' && *skip(end + 1, DIGITS) == 0));
}

/* 2024-01-01, with or without a time behind it */
static bool is_date(const char *text)
{
    const char *month = skip(text, DIGITS);
    const char *day = *month == '-' ? skip(month + 1, DIGITS) : month;
    const char *end = day > month && *day == '-' ? skip(day + 1, DIGITS) : day;
    return month - text == 4 && end > day + 1 && day > month + 1 &&
           (*end == '\0' || strchr("Tt \t", *end) != NULL);
}

const char *job_yaml_kind(const char *text, bool *number)
{
    static const char *const truths[] = {"true", "True", "TRUE", "false", "False", "FALSE", "yes",
                                         "Yes",  "YES",  "no",   "No",    "NO",    "on",    "On",
                                         "ON",   "off",  "Off",  "OFF",   NULL};
    static const char *const nothings[] = {"", "~", "null", "Null", "NULL", NULL};
    *number = is_decimal(text);
    if (*number) {
        return "a number";
    }
    if (is_one_of(text, nothings)) {
        return "nothing";
    }
    return is_one_of(text, truths) ? "a truth value"
           : is_odd_integer(text)  ? "a number (of base 8, 2 or 16, or with _)"
           : is_float(text)        ? "a number with a fraction or an exponent"
           : is_sexagesimal(text)  ? "a number of base 60"
           : is_date(text)         ? "a date"
                                   : "";
}

/* ---- values ---- */

static const char *kind_name(enum tree_kind kind)
{
    return kind == TREE_LIST ? "a list" : kind == TREE_MAP ? "a map" : "a text";
}

static const char *want_text(struct job_reader *r, const struct tree_node *n, bool hidden,
                             bool number_is_fine)
{
    char shown[JOB_SHOWN_MAX + 4];
    bool number = false;
    if (n->bad) {
        return NULL;
    }
    if (n->kind != TREE_TEXT) {
        job_note(&r->notes, n->line, n->column, "a text is wanted here, not %s",
                 kind_name(n->kind));
        return NULL;
    }
    const char *kind = n->plain ? job_yaml_kind(n->text, &number) : "";
    if (kind[0] == '\0' || (number && number_is_fine)) {
        return n->text;
    }
    if (strcmp(kind, "nothing") == 0) {
        job_note(&r->notes, n->line, n->column,
                 "nothing stands here to YAML; write the value, or leave the key out");
    } else if (hidden) {
        job_note(&r->notes, n->line, n->column, "this is %s to YAML; put it in quotes", kind);
    } else {
        job_note(&r->notes, n->line, n->column, "%s is %s to YAML; %s \"%s\"",
                 job_shown(n->text, shown), kind,
                 number_is_fine ? "write it otherwise, or in quotes:" : "put it in quotes:", shown);
    }
    return NULL;
}

const char *job_text(struct job_reader *r, const struct tree_node *n, bool hidden)
{
    return want_text(r, n, hidden, false);
}

const char *job_value(struct job_reader *r, const struct tree_node *n, bool hidden)
{
    return want_text(r, n, hidden, true);
}

const char *job_name(struct job_reader *r, const struct tree_node *n)
{
    const char *text = job_text(r, n, false);
    if (text != NULL && text[0] == '\0') {
        job_note(&r->notes, n->line, n->column, "a name is wanted here, not an empty text");
        return NULL;
    }
    if (text != NULL && strlen(text) > JOB_NAME_BYTES_MAX) {
        job_note(&r->notes, n->line, n->column,
                 "a name has at most %d bytes, this has %zu; PostgreSQL would cut it",
                 JOB_NAME_BYTES_MAX, strlen(text));
        return NULL;
    }
    return text;
}

bool job_bool(struct job_reader *r, const struct tree_node *n, bool *out)
{
    bool number = false;
    if (n->bad) {
        return false;
    }
    if (n->kind == TREE_TEXT && n->plain &&
        (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)) {
        *out = n->text[0] == 't';
        return true;
    }
    bool other = n->kind == TREE_TEXT && n->plain &&
                 strcmp(job_yaml_kind(n->text, &number), "a truth value") == 0;
    if (other) {
        job_note(&r->notes, n->line, n->column,
                 "readers of YAML differ about %s; write true or false", n->text);
    } else {
        job_note(&r->notes, n->line, n->column, "true or false is wanted here");
    }
    return false;
}

bool job_word(struct job_reader *r, const struct tree_node *n, const char *words, unsigned *out)
{
    char shown[JOB_SHOWN_MAX + 4];
    const char *text = job_text(r, n, false);
    unsigned number = 0;
    if (text == NULL) {
        return false;
    }
    for (const char *word = words; *word != '\0'; number++) {
        size_t len = strcspn(word, "|");
        if (len == strlen(text) && memcmp(word, text, len) == 0) {
            *out = number;
            return true;
        }
        word += len + (word[len] == '|' ? 1 : 0);
    }
    job_note(&r->notes, n->line, n->column, "\"%s\" is not one of %s", job_shown(text, shown),
             words);
    return false;
}

void job_out_of_memory(struct job_reader *r)
{
    (void)err_set(&r->failure, ERR_SYSTEM, "out of memory for the job file");
}

bool job_keep(struct job_reader *r, char **slot, const char *text)
{
    char *copy = str_copy(text);
    if (copy == NULL) {
        job_out_of_memory(r);
        return false;
    }
    free(*slot);
    *slot = copy;
    return true;
}
