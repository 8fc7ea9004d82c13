/* The routers of the destination, while the streams run: what they say of their loads, and what is
 * to be told of them. */
#include "base/clock.h"
#include "job/router_list.h"
#include "job/run_internal.h"
#include "limitless/limitless.h"

#include <stdio.h>
#include <string.h>

#define SPREAD_MAX 900u

static void note(const struct run_streams *r, const char *text)
{
    r->observer->note(r->observer->self, text);
}

static void tell_events(const struct run_streams *r)
{
    char text[ROUTER_EVENT_MAX];
    bool important = false;
    while (routers_event(r->routers, text, &important)) {
        if (important) {
            note(r, text);
        } else if (r->observer->detail != NULL) {
            r->observer->detail(r->observer->self, text);
        }
    }
}

/* A list that cannot be had leaves the old one in force; a lost connection is renew's business. */
static void look_again(struct watch *w)
{
    const struct run_streams *r = w->run;
    struct router_load list[ROUTERS_MAX];
    size_t count = 0;
    char left_out[ERR_MSG_MAX];
    char spread[SPREAD_MAX];
    char text[SPREAD_MAX + 40];
    struct err err;
    if (!router_list_read(*r->control, r->control_places.target, list, &count, left_out, &err)) {
        if (pg_is_dead(*r->control)) {
            pg_close(*r->control);
            *r->control = NULL;
            w->renew_ns = 0;
        } else if (r->observer->detail != NULL) {
            (void)snprintf(text, sizeof text, "the routers' loads are not known: %.800s", err.msg);
            r->observer->detail(r->observer->self, text);
        }
        return;
    }
    if (routers_update(r->routers, list, count, clock_mono_ns())) {
        router_list_say(list, count, r->streams, spread, sizeof spread);
        (void)snprintf(text, sizeof text, "writers by router: %s", spread);
        note(r, text);
    }
}

void run_routers(struct watch *w)
{
    struct run_streams *r = w->run;
    uint64_t now_ns = clock_mono_ns();
    if (r->routers == NULL) {
        return;
    }
    tell_events(r);
    if (now_ns >= w->routers_ns && *r->control != NULL && !w->cancelled) {
        look_again(w);
        w->routers_ns = now_ns + ROUTERS_LOOK_NS;
    }
    r->result->routers.count = routers_look(r->routers, r->result->routers.items, now_ns);
    r->result->routers.at_ns = now_ns;
    r->result->routers.at_wall_ms = clock_wall_ms();
}
