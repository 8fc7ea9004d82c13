#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "job/preflight_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_APART_MS 60000 /* logs of both can no longer be read side by side */
#define CLOCK_NEAR_MS  1000
#define NAT_IDLE_S     350 /* VPC user guide, "NAT gateway": idle connections are dropped */
#define OUR_IDLE_S     60  /* pg/connect.c, unless the string says otherwise */
#define FIX_MAX        256

/* ---- TLS ---- */

static bool is_loopback(const char *host, size_t len)
{
    return len == 0 || host[0] == '/' || host[0] == '@' ||
           (len >= 4 && strncmp(host, "127.", 4) == 0) ||
           (len == 3 && strncmp(host, "::1", 3) == 0) ||
           (len == 9 && strncmp(host, "localhost", 9) == 0);
}

/* A string may list several hosts; an address, where given, is what is dialled. */
bool dial_is_local(const struct dial *d)
{
    const char *at = d->hostaddr[0] != '\0' ? d->hostaddr : d->host;
    for (;;) {
        size_t len = strcspn(at, ",");
        if (!is_loopback(at, len)) {
            return false;
        }
        if (at[len] == '\0') {
            return true;
        }
        at += len + 1;
    }
}

static const char *what_is_checked(const char *sslmode)
{
    return strcmp(sslmode, "verify-full") == 0 ? "certificate and host name are checked"
           : strcmp(sslmode, "verify-ca") == 0 ? "the certificate is checked, the host name is not"
                                               : "no certificate is checked";
}

void judge_tls(const struct server *s, const struct tls_facts *facts)
{
    char fix[FIX_MAX];
    const char *mode = s->dial.sslmode;
    bool local = dial_is_local(&s->dial);
    (void)snprintf(
        fix, sizeof fix,
        "sslmode=verify-full in the connection string, and --%s-ca FILE unless its roots "
        "are the system's (sslrootcert=system or a bundle)",
        s->name);
    struct check_note note = server_note(s, CHECK_WARNING, "tls", fix);
    if (!facts->on && local) {
        server_ok(s, "tls", "none; the connection does not leave this machine");
    } else if (!facts->on) {
        check_add(s->p->list, &note, "none: rows and perhaps the password can be read on the way");
    } else if (strcmp(mode, "verify-full") == 0 || local) {
        server_ok(s, "tls", "%s, %s%s%s%s", facts->version, what_is_checked(mode),
                  local && strcmp(mode, "verify-full") != 0 ? " (sslmode=" : "",
                  local && strcmp(mode, "verify-full") != 0 ? mode : "",
                  local && strcmp(mode, "verify-full") != 0 ? ", on this machine)" : "");
    } else {
        check_add(s->p->list, &note,
                  "%s, but %s (sslmode=%s): another machine could stand in for the server",
                  facts->version, what_is_checked(mode), mode);
    }
}

bool check_tls(struct server *s)
{
    CLEANUP(pg_rows_free)
    struct pg_rows *r =
        server_ask(s, "tls", "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    if (r != NULL) {
        judge_tls(s, &(struct tls_facts){.on = pg_bool(r, 0, 0), .version = pg_text(r, 0, 1)});
    }
    return true;
}

/* ---- the clock ---- */

void judge_clock(const struct server *s, int64_t server_ahead_ms)
{
    char span[STR_HUMAN_MAX];
    uint64_t apart_ms = (uint64_t)llabs(server_ahead_ms);
    const char *way = server_ahead_ms > 0 ? "behind" : "ahead of";
    if (apart_ms < CLOCK_NEAR_MS) {
        server_ok(s, "clock", "agrees with this machine's, within a second");
    } else if (apart_ms < CLOCK_APART_MS) {
        server_ok(s, "clock", "this machine's is %s %s the server's",
                  human_duration(apart_ms, span), way);
    } else {
        struct check_note note = server_note(s, CHECK_WARNING, "clock",
                                             "set this machine's clock, or the server's (NTP)");
        check_add(s->p->list, &note,
                  "this machine's is %s %s the server's: times in the ledger and in logs will not "
                  "agree, and IAM tokens may be refused",
                  human_duration(apart_ms, span), way);
    }
}

bool check_clock(struct server *s)
{
    int64_t before_ms = clock_wall_ms();
    CLEANUP(pg_rows_free)
    struct pg_rows *r = server_ask(
        s, "clock", "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    if (r != NULL) {
        judge_clock(s, pg_int(r, 0, 0) - (before_ms + (clock_wall_ms() - before_ms) / 2));
    }
    return true;
}

/* ---- keepalives ---- */

/* When this side first probes an idle connection; 0: never, or as the system has it. */
static long own_idle_s(const struct dial *d)
{
    if (strcmp(d->keepalives, "0") == 0) {
        return 0;
    }
    return d->keepalives_idle[0] == '\0' ? OUR_IDLE_S : strtol(d->keepalives_idle, NULL, 10);
}

void judge_keepalive(const struct server *s, int64_t server_idle_s)
{
    long own_s = own_idle_s(&s->dial);
    bool held =
        (own_s > 0 && own_s < NAT_IDLE_S) || (server_idle_s > 0 && server_idle_s < NAT_IDLE_S);
    if (s->dial.hostaddr[0] == '\0' && (s->dial.host[0] == '\0' || s->dial.host[0] == '/')) {
        server_ok(s, "keepalive", "not needed on a local socket");
    } else if (held && own_s > 0) {
        server_ok(s, "keepalive",
                  "probed after %ld s idle from here, %lld s from the server; NAT gateways drop a "
                  "connection after %d s",
                  own_s, (long long)server_idle_s, NAT_IDLE_S);
    } else if (held) {
        server_ok(s, "keepalive",
                  "probed after %lld s idle by the server alone; NAT gateways drop a connection "
                  "after %d s",
                  (long long)server_idle_s, NAT_IDLE_S);
    } else {
        struct check_note note = server_note(
            s, CHECK_WARNING, "keepalive",
            "keepalives=1 keepalives_idle=60 in the connection string, or leave both out");
        check_add(s->p->list, &note,
                  "an idle connection is not probed within %d s, after which NAT gateways and some "
                  "firewalls drop it: a long statement may never get its answer",
                  NAT_IDLE_S);
    }
}

bool check_keepalive(struct server *s)
{
    CLEANUP(pg_rows_free)
    struct pg_rows *r =
        server_ask(s, "keepalive",
                   "SELECT setting::bigint FROM pg_settings WHERE name = 'tcp_keepalives_idle'");
    if (r != NULL) {
        judge_keepalive(s, pg_int(r, 0, 0));
    }
    return true;
}
