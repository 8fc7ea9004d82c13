#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/preflight_internal.h"
#include "pg/conninfo.h"
#include "pg/login.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 2048

/* Nothing may be changed, and nothing may take long. */
#define SETTLE                                                              \
    "SET search_path = pg_catalog; SET default_transaction_read_only = on;" \
    " SET statement_timeout = '30s'; SET lock_timeout = '5s'; SET client_encoding = 'UTF8'"

/* ---- for the other files ---- */

struct check_note server_note(const struct server *s, enum check_level level, const char *id,
                              const char *fix)
{
    return (struct check_note){
        .side = s->side, .level = level, .kind = ERR_USAGE, .id = id, .fix = fix};
}

void server_ok(const struct server *s, const char *id, const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct check_note note = server_note(s, CHECK_OK, id, NULL);
    check_add(s->p->list, &note, "%s", text);
}

struct pg_rows *server_ask(struct server *s, const char *id, const char *sql)
{
    struct pg_rows *rows = NULL;
    struct err err;
    if (pg_query_row(s->pg, sql, 0, NULL, &rows, &err)) {
        return rows;
    }
    if (!pg_is_dead(s->pg) && err.kind != ERR_CANCELLED) {
        struct check_note note =
            server_note(s, CHECK_WARNING, id, "look at it by hand; the load itself may do without");
        check_add(s->p->list, &note, "the server does not say: %s", err.msg);
    }
    return NULL;
}

/* ---- the login ---- */

static void take(const struct conninfo *c, const char *keyword, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", conninfo_effective(c, keyword));
}

/* Looks at the string of the first try and forgets it: there may be a password in it. */
static bool read_dial(struct server *s, struct err *err)
{
    CLEANUP(pg_login_free) struct pg_login login = {.tries = 0};
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    const struct pg_auth *auth = s->target.auth;
    bool more = false;
    if (!auth->next(auth->self, &login, &more, err) ||
        !conninfo_parse(&login.conninfo, s->name, &c, err)) {
        return false;
    }
    struct dial *d = &s->dial;
    take(c, "host", d->host, sizeof d->host);
    take(c, "hostaddr", d->hostaddr, sizeof d->hostaddr);
    take(c, "port", d->port, sizeof d->port);
    take(c, "dbname", d->dbname, sizeof d->dbname);
    take(c, "sslmode", d->sslmode, sizeof d->sslmode);
    take(c, "keepalives", d->keepalives, sizeof d->keepalives);
    take(c, "keepalives_idle", d->keepalives_idle, sizeof d->keepalives_idle);
    return true;
}

/* The place as far as it is known: the string's, then the connection's. */
static void set_title(struct server *s)
{
    char *title = s->p->list->titles[s->side];
    const struct dial *d = &s->dial;
    const char *host = d->host[0] != '\0' ? d->host : d->hostaddr;
    int name_at = snprintf(title, CHECK_TITLE_MAX, "%s", s->name);
    title[0] = (char)toupper((unsigned char)title[0]);
    title += name_at;
    size_t room = CHECK_TITLE_MAX - (size_t)name_at;
    if (s->pg != NULL) {
        (void)snprintf(title, room, " %s", pg_where(s->pg));
    } else if (host[0] != '\0') {
        (void)snprintf(title, room, " %s:%s/%s", host, d->port, d->dbname);
    }
}

struct remedy {
    const char *needle;
    const char *fix;
    const char *option; /* of this side, without "--source-"; NULL */
};

/* What libpq and the server say, and what then helps. */
static const struct remedy remedies[] = {
    {"no pg_hba.conf entry",
     "allow this host, user and database in the server's pg_hba.conf (\"no encryption\" in the "
     "message: it asks for TLS, sslmode=require)",                                                 NULL    },
    {"certificate verify failed",      "give the roots that the server's certificate comes from",  "ca"    },
    {"root certificate file",          "give the roots that the server's certificate comes from",  "ca"    },
    {"does not match host name",
     "use the name that the certificate is for; hostaddr can say where to dial",                   NULL    },
    {"does not support SSL",           "turn TLS on at the server, or ask for less with sslmode",  NULL    },
    {"password authentication failed",
     "correct the user or the password (~/.pgpass, a service file, PGPASSWORD), or take both from "
     "a secret",                                                                                   "secret"},
    {"no password supplied",
     "give a password in ~/.pgpass, a service file or PGPASSWORD, or take it from a secret",       "secret"},
    {"could not translate host name",
     "correct the host; a private name needs the VPC's resolver or a VPN",                         NULL    },
    {"\" does not exist",              "correct the connection string, or create what is missing", NULL    },
    {"slots",                          "end other sessions, or raise max_connections",             NULL    },
    {"too many connections",           "end other sessions, or raise the CONNECTION LIMIT",        NULL    },
};

static const char *remedy_for(const struct server *s, const struct err *err, char *out, size_t size)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        const struct remedy *r = &remedies[i];
        if (strstr(err->msg, r->needle) == NULL) {
            continue;
        }
        (void)snprintf(out, size, r->option == NULL ? "%s" : "%s: --%s-%s", r->fix, s->name,
                       r->option == NULL ? "" : r->option);
        return out;
    }
    if (err->kind == ERR_TRANSIENT) {
        return "start the server, or correct host and port; then look for a firewall, a security "
               "group or a missing route between this machine and it";
    }
    return err->kind == ERR_USAGE ? "correct the options of this side"
                                  : "the server's log says more";
}

/* The heading says which side it is, and the fix asks whether the server runs. */
static void shorten(const char *side, struct err *err)
{
    char prefix[64];
    int len = snprintf(prefix, sizeof prefix, "cannot connect to the %s: ", side);
    char *question = strstr(err->msg, " Is the server running ");
    if (question != NULL && strchr(question, '?') != NULL) {
        char *end = strchr(question, '?') + 1;
        memmove(question, end, strlen(end) + 1);
    }
    if (strncmp(err->msg, prefix, (size_t)len) == 0) {
        memmove(err->msg, err->msg + len, strlen(err->msg + len) + 1);
    }
}

static bool refuse_login(struct server *s, const struct err *err)
{
    char fix[LINE_MAX_BYTES];
    struct err mine = *err;
    if (err->kind != ERR_CANCELLED) {
        struct check_note note =
            server_note(s, CHECK_BLOCKER, "login", remedy_for(s, err, fix, sizeof fix));
        shorten(s->name, &mine);
        check_add_err(s->p->list, &note, &mine);
    }
    return false;
}

/* The list has the blocker already. */
static bool skip_login(const struct server *s)
{
    struct check_note note =
        server_note(s, CHECK_WARNING, "login", "mend what is said under AWS, then run again");
    check_add(s->p->list, &note,
              "not tried: what this side needs of AWS cannot be had, as said above");
    return false;
}

static const char *how(const struct side_auth *wish)
{
    return wish->iam                    ? ", by IAM token"
           : wish->secret != NULL       ? ", by the secret's password"
           : wish->password_kms != NULL ? ", by the password decrypted with KMS"
                                        : "";
}

static bool log_in(struct server *s)
{
    struct err err;
    if (!read_dial(s, &err)) {
        return refuse_login(s, &err);
    }
    set_title(s);
    if (!pg_open(&s->target, "sluice check", s->p->wake_fd, &s->pg, &err)) {
        return refuse_login(s, &err);
    }
    set_title(s);
    if (!pg_exec(s->pg, SETTLE, &err)) {
        return refuse_login(s, &err);
    }
    CLEANUP(pg_rows_free)
    struct pg_rows *r = server_ask(s, "login", "SELECT session_user, current_database()");
    if (r == NULL) {
        return false;
    }
    (void)snprintf(s->user, sizeof s->user, "%s", pg_text(r, 0, 0));
    (void)snprintf(s->database, sizeof s->database, "%s", pg_text(r, 0, 1));
    server_ok(s, "login", "as \"%s\"%s", s->user,
              how(s->auth_side == AUTH_SOURCE ? &s->p->spec->source_auth
                                              : &s->p->spec->destination_auth));
    return true;
}

/* ---- all of it ---- */

static bool look(struct server *s)
{
    static bool (*const checks[])(struct server *) = {
        check_tls,    check_version,  check_limitless, check_replica,   check_slots,
        check_ledger, check_endpoint, check_clock,     check_keepalive, check_dump_tools};
    bool fit = true;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        fit = checks[i](s) && fit;
        if (stop_level() != STOP_RUN) {
            return false;
        }
        if (pg_is_dead(s->pg)) {
            struct check_note note =
                server_note(s, CHECK_BLOCKER, "login", "run again; the server's log says more");
            note.kind = ERR_TRANSIENT;
            check_add(s->p->list, &note, "the connection was lost while it was looked at");
            return false;
        }
    }
    return fit;
}

bool preflight_server(const struct preflight *p, enum auth_side side)
{
    struct server s = {.p = p,
                       .side = side == AUTH_SOURCE ? CHECK_SOURCE : CHECK_DESTINATION,
                       .auth_side = side,
                       .name = side == AUTH_SOURCE ? "source" : "destination"};
    struct err err;
    set_title(&s);
    if (p->aws_refused[side]) {
        return skip_login(&s);
    }
    if (!auth_open_side(p->auth, side, &err)) {
        return refuse_login(&s, &err);
    }
    s.target = (struct pg_target){.side = s.name, .auth = auth_of(p->auth, side)};
    bool fit = log_in(&s) && look(&s);
    pg_close(s.pg);
    return fit;
}
