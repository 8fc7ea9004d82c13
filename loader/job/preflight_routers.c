#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/preflight_internal.h"
#include "limitless/limitless.h"

#include <stdio.h>

#define ROUTER_CONNECT_MS 5000u

/* What a password file says for the endpoint holds for the routers. */
static bool share_password(struct server *s, struct err *err)
{
    CLEANUP(secret_free) struct secret password = {0};
    return pg_password(s->pg, &password, err) &&
           auth_keep_password(s->p->auth, s->auth_side, &password, err);
}

/* Reached, with a certificate for its name, and logged in. */
static bool try_router(struct server *s, const struct router_load *router, struct err *err)
{
    struct pg *pg = NULL;
    struct pg_target target = s->target;
    target.host = router->host;
    target.connect_timeout_ms = ROUTER_CONNECT_MS;
    bool ok =
        pg_check_host(&target, err) && pg_open(&target, "sluice check", s->p->wake_fd, &pg, err);
    pg_close(pg);
    return ok;
}

static void check_router(struct server *s, const struct router_load *router, size_t *usable)
{
    struct err err = {.kind = ERR_NONE};
    if (try_router(s, router, &err)) {
        server_ok(s, "router", "%s, load %.2f: reached, and it let us in", router->host,
                  router->load);
        ++*usable;
    } else if (err.kind != ERR_CANCELLED) {
        struct check_note note =
            server_note(s, CHECK_WARNING, "router",
                        "see that this machine reaches every router by its name, or load with "
                        "--routers off");
        check_add(s->p->list, &note, "%s, load %.2f: %s", router->host, router->load, err.msg);
    }
}

/* A load does without a router that fails, and without all of them, so nothing here stops it. */
void check_routers(struct server *s)
{
    struct router_load list[ROUTERS_MAX];
    size_t count = 0;
    size_t usable = 0;
    struct err err = {.kind = ERR_NONE};
    if (s->p->spec->routers == ROUTERS_OFF) {
        server_ok(s, "router", "not looked at: --routers off");
        return;
    }
    if (!share_password(s, &err) || !limitless_router_loads(s->pg, list, &count, &err)) {
        if (!pg_is_dead(s->pg) && err.kind != ERR_CANCELLED) {
            struct check_note note =
                server_note(s, CHECK_WARNING, "router",
                            "let the role execute pg_catalog.aurora_limitless_router_endpoints()");
            check_add(s->p->list, &note, "the routers are not known: %s", err.msg);
        }
        return;
    }
    for (size_t i = 0; i < count && stop_level() == STOP_RUN; i++) {
        check_router(s, &list[i], &usable);
    }
    if (usable == 0 && stop_level() == STOP_RUN) {
        struct check_note note = server_note(
            s, CHECK_WARNING, "router", "reach the routers, or expect one of them to do all work");
        check_add(s->p->list, &note,
                  "no router can be used by its own name: all connections will go to the endpoint");
    }
}
