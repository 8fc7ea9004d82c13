#include "aws/profile_internal.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\f\v"

/* [default] of the config file, until it is known whether there is a [profile default] too. */
static const char bare_default[] = "default";

enum property_state {
    NO_PROPERTY,      /* none since the section began */
    SKIPPED_PROPERTY, /* its name cannot be one */
    PLAIN_PROPERTY,
    NESTED_PROPERTY, /* nothing followed the equals sign */
};

struct parser {
    enum profile_file file;
    const char *path;
    unsigned long line;
    struct profiles *out;
    bool in_section;
    struct profile_section *section;   /* NULL: before the first, or in one that is skipped */
    struct profile_property *property; /* of section; unless NO or SKIPPED */
    enum property_state state;
};

/* ---- text ---- */

static bool is_blank(char c)
{
    return c != '\0' && strchr(BLANKS, c) != NULL;
}

static struct text trim(struct text t)
{
    while (t.len > 0 && is_blank(t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && is_blank(t.at[t.len - 1])) {
        t.len--;
    }
    return t;
}

static bool is_comment(struct text t)
{
    return t.len > 0 && (t.at[0] == '#' || t.at[0] == ';');
}

struct text text_cut_comment(struct text t, bool after_blank)
{
    for (size_t i = 0; i < t.len; i++) {
        bool starts = t.at[i] == '#' || t.at[i] == ';';
        if (starts && (!after_blank || (i > 0 && is_blank(t.at[i - 1])))) {
            t.len = i;
        }
    }
    return t;
}

static bool equals(struct text t, const char *word)
{
    return strlen(word) == t.len && memcmp(t.at, word, t.len) == 0;
}

bool text_split_property(struct text line, struct text *name, struct text *value)
{
    const char *sign = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
    if (sign == NULL) {
        return false;
    }
    size_t before = (size_t)(sign - line.at);
    *name = trim((struct text){line.at, before});
    *value = trim((struct text){sign + 1, line.len - before - 1});
    return true;
}

static bool is_name(struct text t, bool spaces)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr("-_/.%@:+", c) == NULL && !(spaces && c == ' ')) {
            return false;
        }
    }
    return t.len > 0;
}

/* The caller frees; NULL without memory. */
static char *copy_text(struct text t)
{
    return strndup(t.at, t.len);
}

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

static bool refuse(const struct parser *parser, const char *why, struct err *err)
{
    return err_set(err, ERR_USAGE, "%.512s:%lu: %s", parser->path, parser->line, why);
}

/* ---- the parser ---- */

/* Makes the section of that name the current one. */
static bool enter_section(struct parser *parser, const char *kind, struct text name_text,
                          struct err *err)
{
    struct profiles *out = parser->out;
    char *name = copy_text(name_text);
    if (name == NULL) {
        return out_of_memory(err);
    }

    parser->section = profiles_section(out, kind, name);
    if (parser->section != NULL) {
        free(name);
        return true;
    }
    if (out->count == PROFILE_SECTIONS_MAX || !profiles_reserve(out, 1, err)) {
        free(name);
        return out->count == PROFILE_SECTIONS_MAX ? refuse(parser, "Too many sections", err)
                                                  : false;
    }
    parser->section = &out->items[out->count++];
    *parser->section = (struct profile_section){.kind = kind, .name = name};
    return true;
}

/* "name" and 'name': how the AWS CLI writes a name that has a space in it. */
static bool unquote(struct text *t)
{
    bool quoted =
        t->len >= 2 && (t->at[0] == '"' || t->at[0] == '\'') && t->at[t->len - 1] == t->at[0];
    if (quoted) {
        t->at++;
        t->len -= 2;
    }
    return quoted;
}

/* What kind of section the config file's [title] begins; NULL when it is to be skipped. Leaves the
 * name in title. */
static const char *config_section(struct text *title)
{
    static const char *const kinds[] = {PROFILE_KIND, "services", "sso-session"};

    if (equals(*title, bare_default)) {
        return bare_default;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i]);
        if (title->len > len && memcmp(title->at, kinds[i], len) == 0 && is_blank(title->at[len])) {
            *title = trim((struct text){title->at + len, title->len - len});
            bool quoted = unquote(title);
            return is_name(*title, quoted) ? kinds[i] : NULL;
        }
    }
    return NULL;
}

static bool read_section(struct parser *parser, struct text line, struct err *err)
{
    struct text title = trim(text_cut_comment(line, false));
    if (title.at[title.len - 1] != ']') {
        return refuse(parser, "Profile definition must end with ']'", err);
    }
    title = trim((struct text){title.at + 1, title.len - 2});
    parser->in_section = true;
    parser->section = NULL;
    parser->state = NO_PROPERTY;

    const char *kind = NULL;
    if (parser->file == PROFILE_CONFIG) {
        kind = config_section(&title);
    } else if (is_name(title, false)) {
        kind = PROFILE_KIND;
    }
    return kind == NULL || enter_section(parser, kind, title, err);
}

/* The current section's property of that name, with an empty value; NULL with err. */
static struct profile_property *enter_property(struct parser *parser, struct text name_text,
                                               struct err *err)
{
    struct profile_section *s = parser->section;
    char *name = copy_text(name_text);
    if (name == NULL) {
        (void)out_of_memory(err);
        return NULL;
    }
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }

    struct profile_property *property = section_property(s, name);
    if (property != NULL) {
        free(name);
        secret_free(&property->value);
        return property;
    }
    bool room = s->count < PROFILE_PROPERTIES_MAX;
    if (!room || !section_reserve(s, 1, err)) {
        free(name);
        if (!room) {
            (void)refuse(parser, "Too many properties in one section", err);
        }
        return NULL;
    }
    property = &s->items[s->count++];
    *property = (struct profile_property){.name = name};
    return property;
}

static bool read_property(struct parser *parser, struct text line, struct err *err)
{
    struct text name;
    struct text value;

    if (!text_split_property(text_cut_comment(line, true), &name, &value)) {
        return refuse(parser, "Expected an '=' sign defining a property", err);
    }
    if (name.len == 0) {
        return refuse(parser, "Property did not have a name", err);
    }
    parser->state = SKIPPED_PROPERTY;
    if (!is_name(name, false)) {
        return true;
    }
    parser->property = enter_property(parser, name, err);
    if (parser->property == NULL) {
        return false;
    }
    parser->state = value.len == 0 ? NESTED_PROPERTY : PLAIN_PROPERTY;
    return secret_append(&parser->property->value, value.at, value.len, err);
}

/* A line that begins with a blank. */
static bool read_continuation(struct parser *parser, struct text line, struct err *err)
{
    struct text text = trim(line);
    struct text name;
    struct text value;

    /* The AWS CLI lets comments be indented where nothing is continued. */
    if (is_comment(text) && parser->state != PLAIN_PROPERTY) {
        return true;
    }
    if (parser->state == NO_PROPERTY) {
        return refuse(parser, "Expected a property definition, found continuation", err);
    }
    if (parser->state == SKIPPED_PROPERTY) {
        return true;
    }
    if (parser->state == NESTED_PROPERTY && !text_split_property(text, &name, &value)) {
        return refuse(parser, "Expected an '=' sign defining a sub-property", err);
    }
    if (parser->state == NESTED_PROPERTY && name.len == 0) {
        return refuse(parser, "Sub-property did not have a name", err);
    }
    return secret_append(&parser->property->value, "\n", 1, err) &&
           secret_append(&parser->property->value, text.at, text.len, err);
}

static bool read_line(struct parser *parser, struct text line, struct err *err)
{
    if (trim(line).len == 0 || is_comment(line)) {
        return true;
    }
    if (memchr(line.at, '\0', line.len) != NULL) {
        return refuse(parser, "A NUL byte; the file must be plain text in UTF-8", err);
    }
    if (line.at[0] == '[') {
        return read_section(parser, line, err);
    }
    if (!parser->in_section) {
        return is_comment(trim(line)) || refuse(parser, "Expected a profile definition", err);
    }
    if (parser->section == NULL) {
        return true;
    }
    return is_blank(line.at[0]) ? read_continuation(parser, line, err)
                                : read_property(parser, line, err);
}

static bool read_lines(struct parser *parser, struct text text, struct err *err)
{
    if (text.len >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0) {
        text = (struct text){text.at + 3, text.len - 3};
    }
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.at);
        parser->line++;
        if (!read_line(parser, (struct text){text.at, len}, err)) {
            return false;
        }
        len += end == NULL ? 0 : 1;
        text = (struct text){text.at + len, text.len - len};
    }
    return true;
}

/* [profile default] hides [default], wherever in the file they stand. */
static void settle_default(struct profiles *p)
{
    struct profile_section *bare = profiles_section(p, bare_default, bare_default);

    if (bare == NULL) {
        return;
    }
    if (profiles_section(p, PROFILE_KIND, bare_default) == NULL) {
        bare->kind = PROFILE_KIND;
        return;
    }
    struct profile_section *last = &p->items[--p->count];
    section_free(bare);
    *bare = *last;
}

bool profile_parse(struct profiles *out, enum profile_file file, const char *path, struct text text,
                   struct err *err)
{
    struct parser parser = {.file = file, .path = path, .out = out};

    if (text.len > PROFILE_FILE_MAX) {
        return err_set(err, ERR_USAGE, "%.512s: larger than %u bytes", path, PROFILE_FILE_MAX);
    }
    if (!read_lines(&parser, text, err)) {
        return false;
    }
    settle_default(out);
    return true;
}
