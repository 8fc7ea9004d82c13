/*
 * preflight_internal.h: what the files preflight*.c share. Nobody else but their unit test includes
 * it.
 *
 *   preflight.c           the list
 *   preflight_server.c    login, and the order of what follows
 *   preflight_session.c   TLS, clock, keepalives: what the session is like
 *   preflight_place.c     version, kind, role, pooler: what is at the other end
 *   preflight_routers.c   the routers of a shard group
 *   preflight_room.c      connections, and the ledger
 *   preflight_schema.c    what reads the source's schema
 *   preflight_tables.c    the dry run
 */
#ifndef JOB_PREFLIGHT_INTERNAL_H
#define JOB_PREFLIGHT_INTERNAL_H

#include "job/preflight.h"
#include "pg/pg.h"

#include <stdint.h>

/* What the connection string says of the way to the server. */
struct dial {
    char host[256];
    char hostaddr[256];
    char port[64];
    char dbname[128];
    char sslmode[16];
    char keepalives[8];
    char keepalives_idle[16];
};

struct server {
    const struct preflight *p;
    enum check_side side;
    enum auth_side auth_side;
    const char *name; /* "source", "destination" */
    struct pg_target target;
    struct dial dial;
    struct pg *pg;
    char user[128]; /* as the server calls us */
    char database[128];
    bool limitless;
};

/* One statement with one row. NULL: there is none, and the list says so, except when the connection
 * is lost or the run is to stop. The caller frees. */
struct pg_rows *server_ask(struct server *s, const char *id, const char *sql);
void server_ok(const struct server *s, const char *id, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct check_note server_note(const struct server *s, enum check_level level, const char *id,
                              const char *fix);

/* Each adds what it found. False when a load could not begin. */
bool check_version(struct server *s);
bool check_limitless(struct server *s);
bool check_endpoint(struct server *s);
bool check_replica(struct server *s);
bool check_tls(struct server *s);
bool check_clock(struct server *s);
bool check_keepalive(struct server *s);
bool check_slots(struct server *s);
bool check_ledger(struct server *s);
bool check_dump_tools(struct server *s);

/* Each router of a shard group, by its own name; for check_limitless. */
void check_routers(struct server *s);

/* ---- what they conclude; pure, apart from the list ---- */

struct tls_facts {
    bool on;
    const char *version; /* "TLSv1.3" */
};
void judge_tls(const struct server *s, const struct tls_facts *facts);
void judge_clock(const struct server *s, int64_t server_ahead_ms);
void judge_keepalive(const struct server *s, int64_t server_idle_s);

#define ROOM_UNLIMITED (-1)
struct room {
    int64_t server, role, database; /* connections that are free; ROOM_UNLIMITED */
};
void judge_room(const struct server *s, const struct room *room, unsigned needed);

/* Does the connection stay on this machine? */
bool dial_is_local(const struct dial *d);

#endif
