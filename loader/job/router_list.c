#include "job/router_list.h"

#include "base/clock.h"
#include "job/ledger.h"
#include "limitless/limitless.h"
#include "pg/session.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_CONNECT_MS 5000u /* of a lease's 30 s; there are other places */

bool router_list_read(struct pg *pg, const struct pg_target *target,
                      struct router_load out[ROUTERS_MAX], size_t *count,
                      char left_out[ERR_MSG_MAX], struct err *err)
{
    struct router_load all[ROUTERS_MAX];
    size_t found = 0;
    size_t n = 0;
    left_out[0] = '\0';
    if (!limitless_router_loads(pg, all, &found, err)) {
        return false;
    }
    for (size_t i = 0; i < found; i++) {
        struct err why = {.kind = ERR_NONE};
        struct pg_target to = *target;
        to.host = all[i].host;
        if (pg_check_host(&to, &why)) {
            out[n++] = all[i];
        } else if (why.kind != ERR_USAGE) {
            *err = why;
            return false;
        } else if (left_out[0] == '\0') {
            (void)snprintf(left_out, ERR_MSG_MAX, "%s", why.msg);
        }
    }
    *count = n;
    return true;
}

static void spread(const struct router_load *list, size_t count, unsigned writers, unsigned *out)
{
    unsigned weights[ROUTERS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        weights[i] = router_weight(list[i].load);
    }
    routers_spread(weights, count, writers, out);
}

void router_list_say(const struct router_load *list, size_t count, unsigned writers, char *out,
                     size_t size)
{
    unsigned shares[ROUTERS_MAX] = {0};
    size_t used = 0;
    spread(list, count, writers, shares);
    out[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        int len = snprintf(out + used, size - used, "%s%s (load %.2f) takes %u", i == 0 ? "" : ", ",
                           list[i].host, list[i].load, shares[i]);
        used += len < 0 ? size : (size_t)len;
    }
}

unsigned router_list_most(const struct router_load *list, size_t count, unsigned writers)
{
    unsigned shares[ROUTERS_MAX] = {0};
    unsigned most = count == 0 ? writers : 0;
    spread(list, count, writers, shares);
    for (size_t i = 0; i < count; i++) {
        most = shares[i] > most ? shares[i] : most;
    }
    return most;
}

/* ---- the control connection ---- */

static size_t listed(const struct control_places *c, struct router_view v[ROUTERS_MAX])
{
    size_t count = c->routers == NULL ? 0 : routers_look(c->routers, v, clock_mono_ns());
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (v[i].state != ROUTER_GONE) {
            v[n++] = v[i];
        }
    }
    return n;
}

unsigned control_places_count(const struct control_places *c)
{
    struct router_view v[ROUTERS_MAX];
    return 1 + (unsigned)listed(c, v);
}

bool control_keep_commits(struct pg *pg, bool shard_group, struct err *err)
{
    struct err why = {.kind = ERR_NONE};
    if (ledger_keep_commits(pg, &why) ||
        (shard_group && !pg_is_dead(pg) && why.kind != ERR_CANCELLED)) {
        return true;
    }
    *err = why;
    return false;
}

bool control_open(struct control_places *c, int wake_fd, struct pg **out, struct err *err)
{
    struct router_view v[ROUTERS_MAX];
    struct pg_target target = *c->target;
    struct pg *pg = NULL;
    unsigned turn = c->next++ % (1 + (unsigned)listed(c, v));
    if (turn > 0) {
        target.host = v[turn - 1].host;
    }
    if (c->shard_group) {
        target.connect_timeout_ms = CONTROL_CONNECT_MS;
    }
    if (!pg_open(&target, c->name, wake_fd, &pg, err)) {
        return false;
    }
    if (!session_pin(pg, c->encoding, err) || (c->shard_group && !limitless_pin(pg, err)) ||
        !control_keep_commits(pg, c->shard_group, err)) {
        pg_close(pg);
        return false;
    }
    *out = pg;
    return true;
}

bool control_open_anywhere(struct control_places *c, int wake_fd, struct pg **out, struct err *err)
{
    unsigned places = control_places_count(c);
    c->next = 0;
    for (unsigned i = 0; i < places; i++) {
        if (control_open(c, wake_fd, out, err)) {
            return true;
        }
        if (err->kind == ERR_CANCELLED) {
            return false;
        }
    }
    return false;
}
