#include "cli/connection_text.h"

#include "base/cleanup.h"
#include "pg/conninfo.h"

#include <string.h>

/* Of "rds:ID/DATABASE KEYWORD=VALUE..." the first word, else nothing: what stands behind it is a
 * keyword string, as any other text is as a whole. */
static size_t rds_length(const char *text)
{
    return strncmp(text, "rds:", 4) == 0 ? strcspn(text, " \t\r\n") : 0;
}

/* "u:pw@h", as in a URI whose beginning is misspelt, and which libpq takes for a name. */
static bool looks_like_login(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    return colon != NULL && memchr(colon, '@', len - (size_t)(colon - text)) != NULL;
}

/* Without libpq's help: rather once too often than a password in a file. */
static bool may_hold_password(const char *text)
{
    const char *authority = strstr(text, "://");
    const char *login = authority == NULL ? text : authority + 3;
    return strstr(text, "password") != NULL || looks_like_login(login, strlen(login));
}

/* A password with a / or @ in it that is not escaped, or one without its @, ends up in other
 * places of a URI. */
static bool is_misplaced(const struct conninfo *c)
{
    const char *port = conninfo_given(c, "port");
    const char *host = conninfo_given(c, "host");
    const char *database = conninfo_given(c, "dbname");
    return (port != NULL && port[strspn(port, "0123456789, ")] != '\0') ||
           (host != NULL && strchr(host, '@') != NULL && host[0] != '@' && host[0] != '/') ||
           (database != NULL && may_hold_password(database));
}

bool connection_has_password(const struct secret *text, bool *has, struct err *err)
{
    CLEANUP(secret_free) struct secret own = {.bytes = NULL};
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    struct err why;
    const char *whole = secret_reveal(text);
    size_t rds = rds_length(whole);
    const char *part = whole + rds;
    if (!secret_set(&own, part, err) || !conninfo_check(&own, "source", err)) {
        return false;
    }
    bool outside = looks_like_login(whole, rds) ||
                   (rds > 0 && memchr(whole, '?', rds) != NULL); /* a query, as URIs have it */
    if (conninfo_parse(&own, "source", &c, &why)) {
        *has = outside || conninfo_given(c, "password") != NULL ||
               conninfo_given(c, "sslpassword") != NULL || is_misplaced(c);
        return true;
    }
    if (why.kind == ERR_SYSTEM) {
        *err = why;
        return false;
    }
    *has = outside || may_hold_password(part); /* it names a service that is not known here */
    return true;
}
