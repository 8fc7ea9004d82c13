#include "base/cleanup.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/str.h"
#include "pg/conninfo.h"
#include "pg/login.h"
#include "pg/pg_internal.h"
#include "pg/sqlstate.h"
#include "pg/wire_way.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 30000u

/*
 * A VERBOSE libpq message carries the SQLSTATE, which a failed connection offers nowhere else:
 * "...: FATAL:  28P01: password authentication failed". Copies the state out and removes it
 * and the LOCATION line from the text.
 */
static void take_sqlstate(char *text, char state[6])
{
    state[0] = '\0';
    for (char *p = strstr(text, ":  "); p != NULL; p = strstr(p + 1, ":  ")) {
        char *code = p + 3;
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && code[5] == ':' &&
            code[6] == ' ') {
            memcpy(state, code, 5);
            state[5] = '\0';
            memmove(code, code + 7, strlen(code + 7) + 1);
        }
    }
    char *location = strstr(text, "\nLOCATION:");
    if (location != NULL) {
        *location = '\0';
    }
}

/* Line breaks inside a message would break one log line into several. */
static void fold_lines(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\t') {
            text[i] = ' ';
        }
    }
}

/* libpq reports a wrong option and an unreachable server through the same door. */
static bool is_config(const char *text)
{
    return strncmp(text, "invalid ", 8) == 0 || strncmp(text, "could not match ", 16) == 0 ||
           strncmp(text, "definition of service ", 22) == 0 ||
           strncmp(text, "service file ", 13) == 0 ||
           strstr(text, "root certificate file \"") != NULL;
}

/* A certificate will not be better in a minute. NULL: it is not about one. */
static const char *certificate_advice(const char *text)
{
    if (strstr(text, "certificate verify failed") != NULL ||
        strstr(text, "unable to get local issuer certificate") != NULL) {
        return "name its roots with --source-ca or --destination-ca FILE, or sslrootcert (for RDS "
               "and Aurora: the bundle that AWS publishes)";
    }
    if (strstr(text, "does not match host name") != NULL) {
        return "dial it by the name in its certificate (host=NAME; with hostaddr=ADDRESS where "
               "that "
               "name does not lead there, as in a tunnel), or set sslmode=verify-ca";
    }
    return NULL;
}

static bool refuse_connect(struct pg *pg, struct err *err)
{
    char text[ERR_MSG_MAX];
    char state[6];
    (void)snprintf(text, sizeof text, "%s", PQerrorMessage(pg->conn));
    take_sqlstate(text, state);
    fold_lines(text);
    (void)memcpy(pg->sqlstate, state, sizeof state);

    const char *advice = state[0] == '\0' ? certificate_advice(text) : NULL;
    if (advice != NULL) {
        return err_set(err, ERR_USAGE, "cannot connect to the %s: %s; %s", pg->side, text, advice);
    }
    enum err_kind kind = sqlstate_kind(state, true);
    if (PQconnectionNeedsPassword(pg->conn) || strstr(text, "certificate authentication") != NULL) {
        kind = ERR_AUTH;
    } else if (state[0] == '\0' && is_config(text)) {
        kind = ERR_USAGE;
    }
    bool full = strcmp(state, "53300") == 0; /* which is for whoever tries again to know */
    return err_set(err, kind, "cannot connect to the %s: %s%s", pg->side, text,
                   full ? " (SQLSTATE 53300)" : "");
}

/* Ours before the user's string are defaults it may change; ours after it win. */
static PGconn *start(const char *conninfo, const char *application_name)
{
    const char *keys[8];
    const char *values[8];
    int n = 0;
    const char *const ours[][2] = {
        {"keepalives",          "1"             },
        {"keepalives_idle",     "60"            },
        {"keepalives_interval", "15"            },
        {"keepalives_count",    "4"             },
        {"dbname",              conninfo        },
        {"application_name",    application_name},
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (ours[i][1][0] != '\0') {
            keys[n] = ours[i][0];
            values[n++] = ours[i][1];
        }
    }
    keys[n] = NULL;
    values[n] = NULL;
    return PQconnectStartParams(keys, values, 1);
}

static unsigned timeout_ms(const struct pg *pg, const struct pg_target *target)
{
    unsigned ms = target->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS : target->connect_timeout_ms;
    PQconninfoOption *options = PQconninfo(pg->conn);
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "connect_timeout") == 0 && o->val != NULL) {
            long s = strtol(o->val, NULL, 10);
            ms = s > 0 && s < 3600 ? (unsigned)s * 1000u : ms;
        }
    }
    conninfo_wipe_options(options);
    return ms;
}

static bool handshake(struct pg *pg, unsigned limit_ms, struct err *err)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)limit_ms * NS_PER_MS;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;

    while (want != PGRES_POLLING_OK) {
        if (want == PGRES_POLLING_FAILED) {
            return refuse_connect(pg, err);
        }
        uint64_t now_ns = clock_mono_ns();
        int left_ms = now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns) / NS_PER_MS) + 1;
        short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!pg_wait(pg, events, left_ms, err)) {
            return err->kind == ERR_CANCELLED
                       ? false
                       : err_set(
                             err, ERR_TRANSIENT,
                             "cannot connect to the %s: %s, port %s does not answer (waited %u s)",
                             pg->side, PQhost(pg->conn), PQport(pg->conn), limit_ms / 1000u);
        }
        want = PQconnectPoll(pg->conn);
    }
    return true;
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static bool begin(struct pg *pg, const struct pg_target *target, const struct secret *conninfo,
                  const char *application_name, struct err *err)
{
    pg->conn = start(secret_reveal(conninfo), application_name);
    if (pg->conn == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    (void)PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        return refuse_connect(pg, err);
    }
    if (!handshake(pg, timeout_ms(pg, target), err)) {
        return false;
    }
    (void)PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    (void)PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
    pg->cancel = PQgetCancel(pg->conn);
    (void)snprintf(pg->where, sizeof pg->where, "%s:%s/%s", PQhost(pg->conn), PQport(pg->conn),
                   PQdb(pg->conn));
    if (pg->cancel == NULL || PQsetnonblocking(pg->conn, 1) != 0) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return true;
}

/* What stays the same while several passwords are tried. */
struct opening {
    const struct pg_target *target;
    const char *application_name;
    int wake_fd;
    struct pg **out;
    char sqlstate[6];   /* of the last refusal, "" otherwise */
    struct err refused; /* the first refusal of a password; ERR_NONE: none yet */
};

static bool open_once(struct opening *o, const struct secret *conninfo, struct err *err)
{
    struct pg *pg = calloc(1, sizeof *pg);
    if (pg == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    pg->side = o->target->side;
    pg->wake_fd = o->wake_fd;
    o->sqlstate[0] = '\0';
    if (!begin(pg, o->target, conninfo, o->application_name, err)) {
        (void)memcpy(o->sqlstate, pg->sqlstate, sizeof pg->sqlstate);
        pg_close(pg);
        return false;
    }
    *o->out = pg;
    return true;
}

/* Told is the refusal of what should have been right; the other passwords are attempts. */
static bool login_once(void *self, const struct secret *conninfo, bool *refused, struct err *err)
{
    struct opening *o = self;
    if (open_once(o, conninfo, err)) {
        return true;
    }
    *refused = pg_login_refused(o->sqlstate);
    if (*refused && o->refused.kind == ERR_NONE) {
        o->refused = *err;
    } else if (*refused) {
        *err = o->refused;
    }
    return false;
}

static bool open_by_login(struct opening *o, struct err *err)
{
    return pg_login_each(o->target->auth, o->target->host, login_once, o, err);
}

/* The string itself, or with another host in it. */
static bool compose(const struct pg_target *target, struct secret *out, struct err *err)
{
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    return conninfo_parse(&target->conninfo, target->side, &c, err) &&
           conninfo_redirect(c, target->side, target->host, err) && conninfo_text(c, out, err);
}

static bool open_by_string(struct opening *o, struct err *err)
{
    CLEANUP(secret_free) struct secret text = {0};
    if (o->target->host == NULL) {
        return conninfo_check(&o->target->conninfo, o->target->side, err) &&
               open_once(o, &o->target->conninfo, err);
    }
    return compose(o->target, &text, err) && open_once(o, &text, err);
}

bool pg_open(const struct pg_target *target, const char *application_name, int wake_fd,
             struct pg **out, struct err *err)
{
    struct opening o = {
        .target = target, .application_name = application_name, .wake_fd = wake_fd, .out = out};
    heap_wipe_begin(); /* libpq does not wipe all its copies of a password */
    bool ok = target->auth != NULL ? open_by_login(&o, err) : open_by_string(&o, err);
    heap_wipe_end();
    return ok;
}

bool pg_check_host(const struct pg_target *target, struct err *err)
{
    CLEANUP(pg_login_free) struct pg_login login = {.host = target->host};
    CLEANUP(secret_free) struct secret text = {0};
    const struct pg_auth *auth = target->auth;
    bool more = false;
    heap_wipe_begin();
    bool ok = auth != NULL ? auth->next(auth->self, &login, &more, err)
                           : target->host == NULL || compose(target, &text, err);
    heap_wipe_end();
    return ok;
}

void pg_close(struct pg *pg)
{
    if (pg == NULL) {
        return;
    }
    heap_wipe_begin();
    wire_close(pg);
    PQfreeCancel(pg->cancel);
    PQfinish(pg->conn);
    heap_wipe_end();
    free(pg);
}

void pg_cancel(struct pg *pg)
{
    char ignored[256];
    if ((!pg->dead || pg->cut) && pg->cancel != NULL) {
        (void)PQcancel(pg->cancel, ignored, sizeof ignored);
    }
}

bool pg_password(const struct pg *pg, struct secret *out, struct err *err)
{
    const char *password = PQconnectionUsedPassword(pg->conn) != 0 ? PQpass(pg->conn) : NULL;
    return secret_set(out, password == NULL ? "" : password, err);
}

void pg_set_wake_fd(struct pg *pg, int wake_fd)
{
    pg->wake_fd = wake_fd;
}
void pg_set_patience(struct pg *pg, unsigned ms)
{
    pg->patience_ms = (int)ms;
}
void pg_set_probe(struct pg *pg, unsigned ms, bool (*answers)(void *self), void *self)
{
    pg->probe_ms = (int)ms;
    pg->answers = answers;
    pg->answers_self = self;
}
bool pg_is_dead(const struct pg *pg)
{
    return pg->dead;
}
int pg_socket(const struct pg *pg)
{
    return PQsocket(pg->conn);
}
int pg_version(const struct pg *pg)
{
    return PQserverVersion(pg->conn);
}
int pg_backend_pid(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}
const char *pg_side(const struct pg *pg)
{
    return pg->side;
}
const char *pg_where(const struct pg *pg)
{
    return pg->where;
}
const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}
const char *pg_error_schema(const struct pg *pg)
{
    return pg->error_schema;
}
const char *pg_error_table(const struct pg *pg)
{
    return pg->error_table;
}
