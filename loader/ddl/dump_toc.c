#include "ddl/dump_toc.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/sql_text.h"

#include <stdlib.h>
#include <string.h>

#define HEAD       "-- TOC entry "
#define NEEDS      "-- Dependencies:"
#define NAME       "-- Name: "
#define TYPE       "; Type: "
#define SCHEMA     "; Schema: "
#define OWNER      "; Owner: "
#define TABLESPACE "; Tablespace: "

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

static char *copy_n(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (out != NULL) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    return out;
}

static void entry_free(struct dump_entry *e)
{
    for (size_t i = 0; i < e->statement_count; i++) {
        free(e->statements[i]);
    }
    free(e->statements);
    free(e->type);
    free(e->schema);
    free(e->name);
    free(e->owner);
    free(e->tablespace);
    free(e->access_method);
    free(e->needs);
}

void dump_toc_free(struct dump_toc *toc)
{
    for (size_t i = 0; i < toc->count; i++) {
        entry_free(&toc->entries[i]);
    }
    free(toc->entries);
    free(toc->by_id);
    *toc = (struct dump_toc){.count = 0};
}

struct dump_entry *dump_toc_find(const struct dump_toc *toc, unsigned id)
{
    return id > toc->id_max || toc->by_id == NULL || toc->by_id[id] == 0
               ? NULL
               : &toc->entries[toc->by_id[id] - 1];
}

/* ---- the table of contents ---- */

/* "215; 1259 16390 TABLE public film postgres". */
struct list_line {
    unsigned id;
    uint32_t class_oid;
    uint32_t oid;
    char *rest;
    bool seen;
    bool before;
};

struct list {
    struct list_line *lines;
    size_t count;
};

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->lines[i].rest);
    }
    free(l->lines);
}

static bool parse_line(const char *at, size_t len, struct list_line *out)
{
    const char *end = at + len;
    char *next = NULL;
    unsigned long id = strtoul(at, &next, 10);
    if (next == at || next[0] != ';' || next[1] != ' ' || id > DUMP_ENTRIES_MAX * 4ul) {
        return false;
    }
    unsigned long class_oid = strtoul(next + 2, &next, 10);
    unsigned long oid = strtoul(next, &next, 10);
    if (next >= end || *next != ' ') {
        return false;
    }
    next++;
    out->id = (unsigned)id;
    out->class_oid = (uint32_t)class_oid;
    out->oid = (uint32_t)oid;
    out->rest = copy_n(next, (size_t)(end - next));
    return true;
}

static bool add_line(struct list *l, const char *at, size_t len, size_t *room, struct err *err)
{
    if (l->lines == NULL || l->count == *room) {
        *room = *room * 2 + 256;
        struct list_line *grown =
            *room > DUMP_ENTRIES_MAX ? NULL : realloc(l->lines, *room * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        l->lines = grown;
    }
    l->lines[l->count] = (struct list_line){.id = 0};
    if (!parse_line(at, len, &l->lines[l->count])) {
        return err_set(err, ERR_SYSTEM,
                       "pg_restore's table of contents has a line that is not "
                       "understood: %.*s",
                       (int)(len > 200 ? 200 : len), at);
    }
    l->count++;
    return l->lines[l->count - 1].rest != NULL || no_memory(err);
}

static int compare_lines(const void *a, const void *b)
{
    unsigned x = ((const struct list_line *)a)->id;
    unsigned y = ((const struct list_line *)b)->id;
    return x < y ? -1 : x > y;
}

static bool read_list(const char *text, struct list *out, struct err *err)
{
    size_t room = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        if (len > 0 && *at != ';' && !add_line(out, at, len, &room, err)) {
            return false;
        }
        at += len + (at[len] == '\n');
    }
    if (out->count > 0) {
        qsort(out->lines, out->count, sizeof *out->lines, compare_lines);
    }
    return true;
}

static struct list_line *find_line(const struct list *l, unsigned id)
{
    struct list_line key = {.id = id};
    return l->count == 0 ? NULL
                         : bsearch(&key, l->lines, l->count, sizeof *l->lines, compare_lines);
}

/* ---- headers ---- */

struct reading {
    struct dump_toc *toc;
    size_t room;
    struct list list;
    struct dump_entry *open; /* the entry whose statements come */
    bool named;
    char *tablespace; /* as the script has set them by now */
    char *access_method;
};

static bool starts(const char *at, size_t len, const char *lead)
{
    return len >= strlen(lead) && memcmp(at, lead, strlen(lead)) == 0;
}

/* "215 (class 1259 OID 16390)" behind HEAD. */
static bool open_entry(struct reading *r, const char *at, size_t len, struct err *err)
{
    char *text = copy_n(at + strlen(HEAD), len - strlen(HEAD));
    if (text == NULL) {
        return no_memory(err);
    }
    char *next = NULL;
    struct dump_entry e = {.id = (unsigned)strtoul(text, &next, 10)};
    bool ok = starts(next, strlen(next), " (class ");
    if (ok) {
        e.class_oid = (uint32_t)strtoul(next + 8, &next, 10);
        ok = starts(next, strlen(next), " OID ");
    }
    if (ok) {
        e.oid = (uint32_t)strtoul(next + 5, &next, 10);
        ok = strcmp(next, ")") == 0;
    }
    free(text);
    struct dump_toc *toc = r->toc;
    if (!ok || (r->open != NULL && !r->named)) {
        return err_set(err, ERR_SYSTEM, "pg_restore's script has a header that is not understood");
    }
    if (toc->entries == NULL || toc->count == r->room) {
        r->room = r->room * 2 + 256;
        struct dump_entry *grown = realloc(toc->entries, r->room * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        toc->entries = grown;
    }
    e.tablespace = str_copy(r->tablespace == NULL ? "" : r->tablespace);
    e.access_method = str_copy(r->access_method == NULL ? "" : r->access_method);
    toc->entries[toc->count] = e;
    r->open = &toc->entries[toc->count++];
    r->named = false;
    return (e.tablespace != NULL && e.access_method != NULL) || no_memory(err);
}

static bool read_needs(struct dump_entry *e, const char *at, size_t len, struct err *err)
{
    const char *end = at + len;
    size_t room = 1;
    for (const char *p = at; p < end; p++) {
        room += *p == ' ';
    }
    free(e->needs);
    e->need_count = 0;
    e->needs = calloc(room, sizeof *e->needs);
    if (e->needs == NULL) {
        return no_memory(err);
    }
    for (char *next = NULL; at < end && e->need_count < room; at = next) {
        unsigned long id = strtoul(at, &next, 10);
        if (next == at || next > end) {
            break;
        }
        e->needs[e->need_count++] = (unsigned)id;
    }
    return true;
}

static const char *find(const char *from, const char *what)
{
    return from == NULL ? NULL : strstr(from, what);
}

/* Does "N; Type: T; Schema: S; Owner: O", cut here, say what the table of contents says? */
static bool agrees(const char *line, const char *type, const char *schema, const char *owner,
                   const char *rest)
{
    struct buf b;
    const char *who = owner + strlen(OWNER);
    buf_init(&b, BUF_SQL_MAX);
    buf_add(&b, type + strlen(TYPE), (size_t)(schema - type) - strlen(TYPE));
    buf_puts(&b, " ");
    buf_add(&b, schema + strlen(SCHEMA), (size_t)(owner - schema) - strlen(SCHEMA));
    buf_puts(&b, " ");
    buf_add(&b, line, (size_t)(type - line));
    buf_printf(&b, " %s", strcmp(who, "-") == 0 ? "" : who);
    bool same = !b.failed && strcmp(buf_str(&b), rest) == 0;
    buf_free(&b);
    return same;
}

static void keep_cut(const char *line, const char *type, const char *schema, const char *owner,
                     struct dump_entry *e)
{
    const char *who = owner + strlen(OWNER);
    e->name = copy_n(line, (size_t)(type - line));
    e->type = copy_n(type + strlen(TYPE), (size_t)(schema - type) - strlen(TYPE));
    e->schema = copy_n(schema + strlen(SCHEMA), (size_t)(owner - schema) - strlen(SCHEMA));
    e->owner = str_copy(strcmp(who, "-") == 0 ? "" : who);
}

static bool cut_behind(const char *line, const char *type, const struct list_line *known,
                       struct dump_entry *e)
{
    for (const char *s = find(type, SCHEMA); s != NULL; s = find(s + 1, SCHEMA)) {
        for (const char *o = find(s, OWNER); o != NULL; o = find(o + 1, OWNER)) {
            if (agrees(line, type, s, o, known->rest)) {
                keep_cut(line, type, s, o, e);
                return true;
            }
        }
    }
    return false;
}

/* Any of the names may look like a part of the header: the cut that the table of contents confirms
 * is the right one. A tablespace is behind the owner and is not in the table of contents. */
static bool cut_name(const char *line, const struct list_line *known, struct dump_entry *e)
{
    bool found = false;
    for (const char *t = find(line, TYPE); t != NULL && !found; t = find(t + 1, TYPE)) {
        found = cut_behind(line, t, known, e);
    }
    return found;
}

static bool differ(unsigned id, struct err *err)
{
    return err_set(err, ERR_SYSTEM,
                   "pg_restore's script and its table of contents do not agree about entry %u", id);
}

static bool read_name(struct reading *r, const char *at, size_t len, struct err *err)
{
    struct dump_entry *e = r->open;
    struct list_line *known = find_line(&r->list, e->id);
    if (known == NULL || known->seen || known->oid != e->oid || known->class_oid != e->class_oid) {
        return differ(e->id, err);
    }
    CLEANUP_FREE char *line = copy_n(at, len);
    if (line == NULL) {
        return no_memory(err);
    }
    bool found = cut_name(line, known, e);
    for (char *ts = line; !found && (ts = strstr(ts, TABLESPACE)) != NULL; ts++) {
        *ts = '\0';
        found = cut_name(line, known, e);
        *ts = TABLESPACE[0];
    }
    if (!found) {
        return differ(e->id, err);
    }
    known->seen = true;
    r->named = true;
    e->post = !known->before;
    return (e->name != NULL && e->type != NULL && e->schema != NULL && e->owner != NULL) ||
           no_memory(err);
}

static bool read_comment(struct reading *r, const char *at, size_t len, struct err *err)
{
    if (starts(at, len, HEAD)) {
        return open_entry(r, at, len, err);
    }
    if (r->open == NULL || r->named) {
        return true;
    }
    if (starts(at, len, NEEDS)) {
        return read_needs(r->open, at + strlen(NEEDS), len - strlen(NEEDS), err);
    }
    return !starts(at, len, NAME) || read_name(r, at + strlen(NAME), len - strlen(NAME), err);
}

/* ---- statements ---- */

/* "SET default_tablespace = x": the name behind the equals sign, when it is that setting. */
static bool take_setting(const struct sql_piece *p, const char *setting, char **out, bool *is,
                         struct err *err)
{
    struct sql_lexer lx;
    sql_lexer_open(&lx, p->at, p->len);
    struct sql_token set = sql_next_word(&lx);
    struct sql_token name = sql_next_word(&lx);
    struct sql_token equals = sql_next_word(&lx);
    struct sql_token value = sql_next_word(&lx);
    *is = sql_is(&set, "SET") && sql_is(&name, setting) && sql_is_symbol(&equals, '=');
    if (!*is) {
        return true;
    }
    free(*out);
    *out = value.kind == SQL_STRING ? str_copy("") : sql_name(&value);
    return *out != NULL || no_memory(err);
}

static bool add_statement(struct dump_entry *e, const struct sql_piece *p, struct err *err)
{
    char **grown = realloc(e->statements, (e->statement_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(err);
    }
    e->statements = grown;
    grown[e->statement_count] = copy_n(p->at, p->len);
    return grown[e->statement_count] != NULL ? (e->statement_count++, true) : no_memory(err);
}

static bool read_statement(struct reading *r, struct sql_lexer *lx, const struct sql_piece *p,
                           struct err *err)
{
    static const char off[] = "SET standard_conforming_strings = off";
    bool is_space = false;
    bool is_method = false;
    if (!take_setting(p, "default_tablespace", &r->tablespace, &is_space, err) ||
        !take_setting(p, "default_table_access_method", &r->access_method, &is_method, err)) {
        return false;
    }
    if (is_space || is_method) {
        return true;
    }
    if (r->open == NULL) { /* settings of the session, which are the caller's */
        bool is_off = p->len == sizeof off - 1 && memcmp(p->at, off, p->len) == 0;
        r->toc->backslashes = r->toc->backslashes || is_off;
        lx->backslashes = r->toc->backslashes;
        return true;
    }
    return r->named ? add_statement(r->open, p, err) : differ(r->open->id, err);
}

static bool read_script(struct reading *r, const char *script, struct err *err)
{
    struct sql_lexer lx;
    sql_lexer_open(&lx, script, strlen(script));
    for (;;) {
        struct sql_piece p = sql_next_piece(&lx);
        bool ok = true;
        switch (p.kind) {
        case SQL_PIECE_COMMENT:
            ok = read_comment(r, p.at, p.len, err);
            break;
        case SQL_PIECE_STATEMENT:
            ok = read_statement(r, &lx, &p, err);
            break;
        case SQL_PIECE_BROKEN:
            return err_set(err, ERR_SYSTEM, "pg_restore's script ends within a statement");
        case SQL_PIECE_END:
            return r->open == NULL || r->named || differ(r->open->id, err);
        case SQL_PIECE_META:
        default:
            break;
        }
        if (!ok) {
            return false;
        }
    }
}

/* ---- all of it ---- */

static bool mark_before(struct list *all, const char *before, struct err *err)
{
    CLEANUP(list_free) struct list part = {.count = 0};
    if (!read_list(before, &part, err)) {
        return false;
    }
    for (size_t i = 0; i < part.count; i++) {
        struct list_line *line = find_line(all, part.lines[i].id);
        if (line == NULL) {
            return differ(part.lines[i].id, err);
        }
        line->before = true;
    }
    return true;
}

static bool index_entries(struct dump_toc *toc, struct err *err)
{
    for (size_t i = 0; i < toc->count; i++) {
        toc->id_max = toc->entries[i].id > toc->id_max ? toc->entries[i].id : toc->id_max;
    }
    toc->by_id = calloc((size_t)toc->id_max + 1, sizeof *toc->by_id);
    if (toc->by_id == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < toc->count; i++) {
        toc->by_id[toc->entries[i].id] = i + 1;
    }
    return true;
}

static bool check_all_seen(const struct list *list, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->lines[i].seen) {
            return differ(list->lines[i].id, err);
        }
    }
    return true;
}

bool dump_toc_read(const char *script, const char *list, const char *before, struct dump_toc *out,
                   struct err *err)
{
    struct dump_toc toc = {.count = 0};
    struct reading r = {.toc = &toc};
    bool ok = read_list(list, &r.list, err) && mark_before(&r.list, before, err) &&
              read_script(&r, script, err) && check_all_seen(&r.list, err) &&
              index_entries(&toc, err);
    list_free(&r.list);
    free(r.tablespace);
    free(r.access_method);
    if (!ok) {
        dump_toc_free(&toc);
        return false;
    }
    *out = toc;
    return true;
}
