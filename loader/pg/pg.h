/*
 * pg.h: one connection to one PostgreSQL server; with pg/copy.h the door to libpq.
 *
 * Every call that waits does so in poll on {socket, wake descriptor}, never inside libpq, so that
 * a signal ends it. A struct pg belongs to one thread at a time and may be handed over.
 *
 * Errors are classified here, once, by SQLSTATE and connection state (pg/sqlstate.h). After
 * ERR_TRANSIENT from a lost connection pg_is_dead is true and only pg_close is useful.
 */
#ifndef PG_PG_H
#define PG_PG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>
#include <stdint.h>

struct pg;
struct pg_auth; /* pg/login.h */
struct pg_rows;

/* Where to connect. The string is a libpq URI, keyword list or database name. */
struct pg_target {
    struct secret conninfo;
    const struct pg_auth *auth;  /* NULL, or who makes the connection string for each login */
    const char *side;            /* "source" or "destination", for messages; static */
    const char *host;            /* NULL, or a host to dial instead of the string's: its port (of
                                    several the first), user, database and TLS rules stay, the
                                    certificate's name is this one's; hostaddr and
                                    target_session_attrs are dropped. Borrowed during a call */
    unsigned connect_timeout_ms; /* 0 = 30 s, or the connection string's connect_timeout */
};

/* wake_fd: -1 or a descriptor whose readiness ends any wait with ERR_CANCELLED.
 * ERR_TRANSIENT: not reachable; ERR_AUTH: refused; ERR_USAGE: malformed string, unknown database.
 */
bool pg_open(const struct pg_target *target, const char *application_name, int wake_fd,
             struct pg **out, struct err *err) MUST_CHECK;
void pg_close(struct pg *pg); /* NULL is allowed; does not wait */

/* The password that let us in, from wherever libpq took it; "" when none was asked for. A password
 * file knows it by the host that was named, and does not know the hosts behind that one. */
bool pg_password(const struct pg *pg, struct secret *out, struct err *err) MUST_CHECK;

/* Without dialling: can a login to target->host be made? ERR_USAGE says why not (an address where
 * a token needs a name, a hostaddr that comes from PGHOSTADDR or a service file); other kinds are
 * those of target->auth. */
bool pg_check_host(const struct pg_target *target, struct err *err) MUST_CHECK;

void pg_set_wake_fd(struct pg *pg, int wake_fd);
/* How long a statement may be without any word of the server (not COPY); 0, as at first: without
 * limit. After that the connection is dead: ERR_TRANSIENT. For small questions only. */
void pg_set_patience(struct pg *pg, unsigned ms);
/* For waits without a limit, those of COPY too: after each ms of one in which nothing moved,
 * answers is asked by the thread that waits. True: go on waiting, the server may have reasons.
 * False: the connection is dead, ERR_TRANSIENT. ms 0: as at first, nobody is asked. */
void pg_set_probe(struct pg *pg, unsigned ms, bool (*answers)(void *self), void *self);
bool pg_is_dead(const struct pg *pg);
int pg_socket(const struct pg *pg);
int pg_version(const struct pg *pg); /* 150018 */
int pg_backend_pid(const struct pg *pg);
const char *pg_side(const struct pg *pg);
/* "host:port/database" as connected, without user or secrets; borrowed. */
const char *pg_where(const struct pg *pg);

/* Asks the server to cancel what runs on pg. Best effort; the result comes to whoever waits. */
void pg_cancel(struct pg *pg);

/* Simple-protocol statement(s) without rows, or whose rows do not matter. */
bool pg_exec(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;
bool pg_execf(struct pg *pg, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;

/* One statement with text parameters ($1..$n; a NULL pointer is NULL); nparams 0 is allowed. */
bool pg_query(struct pg *pg, const char *sql, int nparams, const char *const *params,
              struct pg_rows **out, struct err *err) MUST_CHECK;
/* The same for exactly one row, ERR_DATA otherwise. */
bool pg_query_row(struct pg *pg, const char *sql, int nparams, const char *const *params,
                  struct pg_rows **out, struct err *err) MUST_CHECK;

size_t pg_rows_count(const struct pg_rows *r);
int pg_columns(const struct pg_rows *r);
uint32_t pg_column_type(const struct pg_rows *r, int column, int32_t *typmod); /* an OID */
const char *pg_text(const struct pg_rows *r, size_t row, int column); /* "" for NULL; borrowed */
bool pg_null(const struct pg_rows *r, size_t row, int column);
int64_t pg_int(const struct pg_rows *r, size_t row, int column);   /* 0 for NULL */
double pg_double(const struct pg_rows *r, size_t row, int column); /* 0 for NULL */
bool pg_bool(const struct pg_rows *r, size_t row, int column);
void pg_rows_free(struct pg_rows **r); /* for CLEANUP; takes a NULL content */

/* The SQLSTATE of the last server error on pg, "" when it was not one, and what it named. */
const char *pg_sqlstate(const struct pg *pg);
const char *pg_error_schema(const struct pg *pg);
const char *pg_error_table(const struct pg *pg);

/* Appends a quoted identifier, a quoted literal (E'' where needed), or schema.name. */
void pg_add_ident(struct buf *b, const char *name);
void pg_add_literal(struct buf *b, const char *text);
void pg_add_name(struct buf *b, const char *schema, const char *name);

/* A text[] literal such as {"a","b"} for use as one parameter; the caller frees; NULL = no memory
 */
char *pg_array(const char *const *items, size_t count);

#endif
