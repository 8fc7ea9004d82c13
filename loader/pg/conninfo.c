#include "pg/conninfo.h"

#include "base/cleanup.h"
#include "base/heap.h"
#include "pg/pg_internal.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNINFO_ITEMS_MAX 80 /* libpq 15 knows 43 */

struct item {
    char keyword[64];
    bool given;              /* the string says so; that it is empty, too, keeps libpq's own out */
    struct secret value;     /* what the string says */
    struct secret effective; /* what libpq would use */
};

struct conninfo {
    size_t count;
    struct item items[CONNINFO_ITEMS_MAX];
};

/* libpq's own message may quote a piece of the string, and that piece may be a password. */
static bool refuse(const char *side, const char *why, struct err *err)
{
    char text[ERR_MSG_MAX] = "";
    bool safe = why != NULL && (strncmp(why, "invalid connection option", 25) == 0 ||
                                strncmp(why, "invalid URI query parameter", 27) == 0);
    for (size_t i = 0; safe && why[i] != '\0' && i + 1 < sizeof text; i++) {
        text[i] = why[i];
        text[i + 1] = '\0';
        if (iscntrl((unsigned char)why[i]) != 0) {
            text[i] = why[i + 1] == '\0' ? '\0' : ' ';
        }
    }
    return err_set(err, ERR_USAGE, "--%s is not a valid libpq connection string%s%s", side,
                   safe ? ": " : "", text);
}

static bool is_plain_name(const char *text)
{
    return strchr(text, '=') == NULL && strncmp(text, "postgres://", 11) != 0 &&
           strncmp(text, "postgresql://", 13) != 0;
}

void conninfo_wipe_options(PQconninfoOption *options)
{
    heap_wipe_begin();
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->val != NULL) {
            secret_wipe(o->val, strlen(o->val));
        }
    }
    PQconninfoFree(options);
    heap_wipe_end();
}

/* libpq works on copies of the string, and frees them as they are. */
static PQconninfoOption *parse(const char *text, char **why)
{
    heap_wipe_begin();
    PQconninfoOption *options = PQconninfoParse(text, why);
    heap_wipe_end();
    return options;
}

bool conninfo_check(const struct secret *text, const char *side, struct err *err)
{
    char *why = NULL;
    if (is_plain_name(secret_reveal(text))) {
        return true; /* a database name, or empty */
    }
    PQconninfoOption *options = parse(secret_reveal(text), &why);
    bool ok = options != NULL || refuse(side, why, err);
    conninfo_wipe_options(options);
    PQfreemem(why);
    return ok;
}

static const struct item *find(const struct conninfo *c, const char *keyword)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].keyword, keyword) == 0) {
            return &c->items[i];
        }
    }
    return NULL;
}

static struct item *find_or_add(struct conninfo *c, const char *keyword)
{
    const struct item *known = find(c, keyword);
    struct item *item = known == NULL ? NULL : &c->items[known - c->items];
    if (item == NULL && c->count < CONNINFO_ITEMS_MAX && strlen(keyword) < sizeof item->keyword) {
        item = &c->items[c->count++];
        (void)snprintf(item->keyword, sizeof item->keyword, "%s", keyword);
    }
    return item;
}

bool conninfo_set(struct conninfo *c, const char *keyword, const char *value, struct err *err)
{
    struct item *item = find_or_add(c, keyword);
    if (item == NULL || !secret_set(&item->value, value, err) ||
        !secret_set(&item->effective, value, err)) {
        return err_set(err, ERR_SYSTEM, "out of memory for a connection string");
    }
    item->given = value[0] != '\0';
    return true;
}

static bool take_given(struct conninfo *c, const struct secret *text, struct err *err)
{
    const char *string = secret_reveal(text);
    if (is_plain_name(string)) {
        return string[0] == '\0' || conninfo_set(c, "dbname", string, err);
    }
    PQconninfoOption *options = parse(string, NULL);
    bool ok = options != NULL || err_set(err, ERR_SYSTEM, "out of memory for a connection string");
    for (PQconninfoOption *o = options; ok && o != NULL && o->keyword != NULL; o++) {
        ok = o->val == NULL || conninfo_set(c, o->keyword, o->val, err);
        if (ok && o->val != NULL) {
            find_or_add(c, o->keyword)->given = true;
        }
    }
    conninfo_wipe_options(options);
    return ok;
}

/*
 * libpq merges string, service file, variables and defaults only on its way to a connection. A
 * value that it refuses after the merge and before it dials lets us look at the result.
 */
#define REFUSED_KEYWORD "target_session_attrs"

static bool take_effective(struct conninfo *c, const struct secret *text, const char *side,
                           struct err *err)
{
    const char *const keys[] = {"dbname", REFUSED_KEYWORD, NULL};
    const char *const values[] = {secret_reveal(text), "nothing that libpq knows", NULL};
    heap_wipe_begin();
    PGconn *conn = PQconnectStartParams(keys, values, 1);
    PQconninfoOption *options = conn == NULL ? NULL : PQconninfo(conn);
    bool ok = options != NULL || err_set(err, ERR_SYSTEM, "out of memory for a connection string");
    if (ok && strstr(PQerrorMessage(conn), REFUSED_KEYWORD) == NULL) {
        ok = err_set(err, ERR_USAGE, "--%s: %.300s", side, PQerrorMessage(conn));
        size_t len = strlen(err->msg);
        while (len > 0 && isspace((unsigned char)err->msg[len - 1])) {
            err->msg[--len] = '\0';
        }
    }
    for (PQconninfoOption *o = options; ok && o != NULL && o->keyword != NULL; o++) {
        struct item *item = o->val == NULL || strcmp(o->keyword, REFUSED_KEYWORD) == 0
                                ? NULL
                                : find_or_add(c, o->keyword);
        ok = item == NULL || secret_set(&item->effective, o->val, err);
    }
    conninfo_wipe_options(options);
    PQfinish(conn);
    heap_wipe_end();
    return ok;
}

bool conninfo_parse(const struct secret *text, const char *side, struct conninfo **out,
                    struct err *err)
{
    if (!conninfo_check(text, side, err)) {
        return false;
    }
    struct conninfo *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for a connection string");
    }
    if (!take_given(c, text, err) || !take_effective(c, text, side, err)) {
        conninfo_free(&c);
        return false;
    }
    *out = c;
    return true;
}

void conninfo_free(struct conninfo **c)
{
    if (*c == NULL) {
        return;
    }
    for (size_t i = 0; i < (*c)->count; i++) {
        secret_free(&(*c)->items[i].value);
        secret_free(&(*c)->items[i].effective);
    }
    free(*c);
    *c = NULL;
}

const char *conninfo_given(const struct conninfo *c, const char *keyword)
{
    const struct item *item = find(c, keyword);
    return item != NULL && secret_is_set(&item->value) ? secret_reveal(&item->value) : NULL;
}

const char *conninfo_effective(const struct conninfo *c, const char *keyword)
{
    const struct item *item = find(c, keyword);
    return item == NULL ? "" : secret_reveal(&item->effective);
}

static bool append(struct secret *out, const char *text, size_t len, struct err *err)
{
    return secret_append(out, text, len, err);
}

/* keyword='value', with backslashes before what would end it. */
static bool append_pair(struct secret *out, const struct item *item, struct err *err)
{
    bool ok = append(out, item->keyword, strlen(item->keyword), err) && append(out, "='", 2, err);
    for (const char *p = secret_reveal(&item->value); ok && *p != '\0'; p++) {
        ok = ((*p != '\'' && *p != '\\') || append(out, "\\", 1, err)) && append(out, p, 1, err);
    }
    return ok && append(out, "' ", 2, err);
}

bool conninfo_text(const struct conninfo *c, struct secret *out, struct err *err)
{
    struct secret text = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        ok = !c->items[i].given || append_pair(&text, &c->items[i], err);
    }
    if (!ok) {
        secret_free(&text);
        return false;
    }
    secret_free(out);
    *out = text;
    return true;
}

bool conninfo_copy(const struct conninfo *from, struct conninfo **out, struct err *err)
{
    struct conninfo *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for a connection string");
    }
    for (size_t i = 0; i < from->count; i++) {
        const struct item *f = &from->items[i];
        struct item *t = &c->items[c->count++];
        memcpy(t->keyword, f->keyword, sizeof t->keyword);
        t->given = f->given;
        if (!secret_set_bytes(&t->value, f->value.bytes, f->value.len, err) ||
            !secret_set_bytes(&t->effective, f->effective.bytes, f->effective.len, err)) {
            conninfo_free(&c);
            return false;
        }
    }
    *out = c;
    return true;
}

/* What the string does not say any more may still come from a service file or a variable. */
static bool check_hostaddr(const struct conninfo *c, const char *side, const char *host,
                           struct err *err)
{
    CLEANUP(conninfo_free) struct conninfo *now = NULL;
    CLEANUP(secret_free) struct secret text = {0};
    if (!conninfo_text(c, &text, err) || !conninfo_parse(&text, side, &now, err)) {
        return false;
    }
    assert(now != NULL);
    return conninfo_effective(now, "hostaddr")[0] == '\0' ||
           err_set(err, ERR_USAGE,
                   "host %s of the %s cannot be dialled: PGHOSTADDR or the service file gives an "
                   "address (hostaddr) for every host",
                   host, side);
}

bool conninfo_redirect(struct conninfo *c, const char *side, const char *host, struct err *err)
{
    char port[16];
    const char *ports = conninfo_effective(c, "port");
    size_t len = strcspn(ports, ",");
    if (len >= sizeof port) {
        return err_set(err, ERR_USAGE, "the port of the %s is too long", side);
    }
    (void)snprintf(port, sizeof port, "%.*s", (int)len, ports);
    return conninfo_set(c, "host", host, err) && conninfo_set(c, "hostaddr", "", err) &&
           conninfo_set(c, "port", port, err) &&
           conninfo_set(c, "target_session_attrs", "any", err) &&
           check_hostaddr(c, side, host, err);
}
