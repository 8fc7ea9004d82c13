#include "base/cleanup.h"
#include "job/preflight_internal.h"
#include "limitless/limitless.h"
#include "pg/session.h"

#include <stdio.h>
#include <string.h>

#define READER_MARK ".cluster-ro-"
#define FIX_MAX     256

/* ---- version and kind ---- */

bool check_version(struct server *s)
{
    CLEANUP(pg_rows_free)
    struct pg_rows *r = server_ask(s, "version", "SELECT current_setting('server_version')");
    if (r == NULL) {
        return !pg_is_dead(s->pg);
    }
    const char *text = pg_text(r, 0, 0);
    int len = (int)strcspn(text, " "); /* what follows is the packager's */
    if (pg_version(s->pg) < SESSION_OLDEST_VERSION) {
        struct check_note note =
            server_note(s, CHECK_BLOCKER, "version", "upgrade it, or load through a newer server");
        check_add(s->p->list, &note, "PostgreSQL %.*s; 11 or newer is needed", len, text);
        return false;
    }
    server_ok(s, "version", "PostgreSQL %.*s", len, text);
    return true;
}

/* ---- a shard group ---- */

static bool give_up_group(struct server *s, const struct err *err)
{
    struct check_note note =
        server_note(s, CHECK_WARNING, "limitless", "let the role read schema rds_aurora");
    if (!pg_is_dead(s->pg) && err->kind != ERR_CANCELLED) {
        check_add(s->p->list, &note, "whether this is a shard group is not known: %s", err->msg);
    }
    return true;
}

bool check_limitless(struct server *s)
{
    struct limitless_group group;
    struct err err;
    if (!limitless_detect(s->pg, &group, &err)) {
        return give_up_group(s, &err);
    }
    s->limitless = group.is_limitless;
    if (!group.is_limitless) {
        server_ok(s, "limitless", "no: a PostgreSQL database of the usual kind");
        return true;
    }
    server_ok(s, "limitless", "yes: a shard group of %u routers and %u shards", group.routers,
              group.shards);
    if (s->side == CHECK_DESTINATION) {
        check_routers(s);
    }
    return true;
}

/* ---- one server, and no pooler before it ---- */

#define PLACE_SQL                                                                             \
    "SELECT pg_backend_pid(), concat_ws(' ', pg_postmaster_start_time(), inet_server_addr()," \
    " inet_server_port())"

enum where { SAME_SERVER, OTHER_SERVER, UNKNOWN_SERVER };

/* Opens a second connection, as every stream will, and looks where it ends. */
static enum where second_place(struct server *s, const char *first)
{
    struct pg *second = NULL;
    struct err err;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    bool ok = pg_open(&s->target, "sluice check", s->p->wake_fd, &second, &err) &&
              pg_exec(second, "SET search_path = pg_catalog", &err) &&
              pg_query_row(second, PLACE_SQL, 0, NULL, &r, &err);
    pg_close(second);
    if (ok) {
        return strcmp(pg_text(r, 0, 1), first) == 0 ? SAME_SERVER : OTHER_SERVER;
    }
    if (err.kind != ERR_CANCELLED) {
        struct check_note note =
            server_note(s, CHECK_WARNING, "endpoint", "see that a load finds free connections");
        check_add(s->p->list, &note, "a second connection was refused: %s", err.msg);
    }
    return UNKNOWN_SERVER;
}

static bool refuse_balanced(const struct server *s)
{
    struct check_note note = server_note(
        s, CHECK_BLOCKER, "endpoint",
        "name one server: its instance endpoint, or its own address behind the load balancer");
    check_add(s->p->list, &note,
              "two connections landed on two servers: a load-balanced endpoint, whose servers know "
              "nothing of each other's snapshots");
    return false;
}

static bool refuse_pooler(const struct server *s)
{
    struct check_note note = server_note(s, CHECK_BLOCKER, "endpoint",
                                         "connect to the server itself, at its own host and port");
    check_add(s->p->list, &note,
              "a connection pooler stands before the server: snapshots and settings do not survive "
              "it");
    return false;
}

/* Where a shard group answers from another router, that is how it is meant. */
bool check_endpoint(struct server *s)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = server_ask(s, "endpoint", PLACE_SQL);
    if (r == NULL) {
        return true;
    }
    if (pg_int(r, 0, 0) != pg_backend_pid(s->pg)) {
        return refuse_pooler(s);
    }
    enum where second = second_place(s, pg_text(r, 0, 1));
    if (second == OTHER_SERVER && !(s->limitless && s->side == CHECK_DESTINATION)) {
        return refuse_balanced(s);
    }
    if (second != UNKNOWN_SERVER && strstr(s->dial.host, READER_MARK) != NULL) {
        struct check_note note =
            server_note(s, CHECK_WARNING, "endpoint", "name one replica by its instance endpoint");
        check_add(s->p->list, &note,
                  "a reader endpoint: with several replicas each connection may land on another");
    } else if (second == SAME_SERVER) {
        server_ok(s, "endpoint", "one server, no pooler in between");
    } else if (second == OTHER_SERVER) {
        server_ok(s, "endpoint", "several routers, no pooler in between");
    }
    return true;
}

/* ---- primary or replica ---- */

static bool judge_standby(const struct server *s, const char *feedback, const char *delay)
{
    if (strcmp(feedback, "on") == 0 || strcmp(delay, "-1") == 0) {
        server_ok(s, "replica",
                  "a standby (hot_standby_feedback = %s, "
                  "max_standby_streaming_delay = %s), which a load may read",
                  feedback, delay);
        return true;
    }
    struct check_note note =
        server_note(s, CHECK_WARNING, "replica",
                    "hot_standby_feedback = on, or a larger max_standby_streaming_delay, on the "
                    "standby for the time of the load");
    check_add(s->p->list, &note,
              "a standby: its recovery may cancel long reads (hot_standby_feedback = %s, "
              "max_standby_streaming_delay = %s)",
              feedback, delay);
    return true;
}

bool check_replica(struct server *s)
{
    CLEANUP(pg_rows_free)
    struct pg_rows *r = server_ask(s, "replica",
                                   "SELECT pg_is_in_recovery(),"
                                   " current_setting('hot_standby_feedback'),"
                                   " current_setting('max_standby_streaming_delay')");
    if (r == NULL) {
        return true;
    }
    if (!pg_bool(r, 0, 0)) {
        server_ok(s, "replica", "no: a primary, which takes writes");
        return true;
    }
    if (s->side == CHECK_SOURCE) {
        return judge_standby(s, pg_text(r, 0, 1), pg_text(r, 0, 2));
    }
    struct check_note note = server_note(
        s, CHECK_BLOCKER, "replica", "name the primary (in Aurora the cluster's writer endpoint)");
    check_add(s->p->list, &note, "a read-only replica: nothing can be loaded into it");
    return false;
}
