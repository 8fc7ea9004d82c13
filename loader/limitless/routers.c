#include "limitless/routers.h"

#include "base/thread.h"
#include "limitless/routers_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINT ROUTERS_MAX /* the place that was given; it has no host here */
#define NOWHERE  (-1)

struct router {
    char host[ROUTER_HOST_MAX];
    double load;
    unsigned weight;
    bool listed;   /* in the last list */
    unsigned told; /* what the last list's spread gave it */
    unsigned writers;
    unsigned pending; /* of these, on their way to it */
    unsigned failures;
    unsigned streak; /* failures since the last connection that stood */
    uint64_t connects;
    uint64_t failed_ns;     /* the newest failure that is no echo */
    uint64_t until_ns;      /* avoided until then */
    uint64_t full_until_ns; /* takes no more connections; 0: as far as known it does */
    uint64_t down_ns;
    uint64_t back_ns;
};

struct writer {
    int place;      /* index, ENDPOINT, or NOWHERE */
    int from;       /* where it is told to leave, or NOWHERE */
    bool seen;      /* has ever picked */
    bool pending;   /* has picked, and neither stands nor failed */
    uint64_t at_ns; /* when it picked */
};

struct event {
    char text[ROUTER_EVENT_MAX];
    bool important;
};

struct routers {
    struct mutex lock; /* guards all below */
    size_t count;
    struct router items[ROUTERS_MAX + 1]; /* the last one is the endpoint */
    struct event events[ROUTERS_EVENTS_MAX];
    size_t event_first;
    size_t event_count;
    unsigned writer_count;
    struct writer writers[];
};

/* ---- the whole ---- */

struct routers *routers_new(unsigned writers)
{
    struct routers *r = calloc(1, sizeof *r + writers * sizeof r->writers[0]);
    if (r == NULL) {
        return NULL;
    }
    mutex_init(&r->lock);
    r->writer_count = writers;
    for (unsigned i = 0; i < writers; i++) {
        r->writers[i].place = NOWHERE;
        r->writers[i].from = NOWHERE;
    }
    return r;
}

void routers_free(struct routers *r)
{
    if (r != NULL) {
        mutex_destroy(&r->lock);
        free(r);
    }
}

static const char *name_of(const struct routers *r, int place)
{
    return place == NOWHERE    ? "nowhere"
           : place == ENDPOINT ? "the given endpoint"
                               : r->items[place].host;
}

/* A line in the ring; with it full, the oldest goes. */
static char *add_event(struct routers *r, bool important)
{
    if (r->event_count == ROUTERS_EVENTS_MAX) {
        r->event_first = (r->event_first + 1) % ROUTERS_EVENTS_MAX;
        r->event_count--;
    }
    struct event *e = &r->events[(r->event_first + r->event_count++) % ROUTERS_EVENTS_MAX];
    e->important = important;
    return e->text;
}

bool routers_event(struct routers *r, char text[ROUTER_EVENT_MAX], bool *important)
{
    mutex_lock(&r->lock);
    bool any = r->event_count > 0;
    if (any) {
        const struct event *e = &r->events[r->event_first];
        memcpy(text, e->text, sizeof e->text);
        *important = e->important;
        r->event_first = (r->event_first + 1) % ROUTERS_EVENTS_MAX;
        r->event_count--;
    }
    mutex_unlock(&r->lock);
    return any;
}

/* ---- who should be where; all under the lock ---- */

static bool is_up(const struct router *x, uint64_t now_ns)
{
    return x->listed && x->until_ns <= now_ns;
}

/* Works for those who have a connection to it, and takes no others. */
static bool is_full(const struct router *x, uint64_t now_ns)
{
    return x->full_until_ns > now_ns;
}

/* Failed, its time is over, and nobody has connected since: one writer after the other may try. */
static bool on_trial(const struct router *x)
{
    return x->streak > 0;
}

struct shares {
    unsigned wanted[ROUTERS_MAX];
    unsigned have[ROUTERS_MAX]; /* without those who are told to leave */
    unsigned leaving;           /* told to leave, and not yet anywhere else */
    unsigned nowhere;           /* lost their connection, and will pick again */
    bool any_up;
    bool any_free; /* up, and takes connections */
};

/* Writers whose router is avoided but still works for them stay there and are in no share. */
static unsigned count_writers(const struct routers *r, uint64_t now_ns, struct shares *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->writer_count; i++) {
        const struct writer *w = &r->writers[i];
        bool at_router = w->place >= 0 && w->place < (int)r->count;
        const struct router *x = at_router ? &r->items[w->place] : NULL;
        if (!w->seen || (x != NULL && x->listed && !is_up(x, now_ns))) {
            continue;
        }
        n++;
        s->leaving += w->from != NOWHERE;
        s->nowhere += w->from == NOWHERE && w->place == NOWHERE;
        if (x != NULL && w->from == NOWHERE) {
            s->have[w->place]++;
        }
    }
    return n;
}

static void find_shares(const struct routers *r, uint64_t now_ns, struct shares *s)
{
    unsigned weights[ROUTERS_MAX] = {0};
    *s = (struct shares){.any_up = false};
    for (size_t i = 0; i < r->count; i++) {
        weights[i] = is_up(&r->items[i], now_ns) ? r->items[i].weight : 0;
        s->any_up = s->any_up || weights[i] > 0;
        s->any_free = s->any_free || (weights[i] > 0 && !is_full(&r->items[i], now_ns));
    }
    unsigned n = count_writers(r, now_ns, s);
    routers_spread(weights, r->count, n, s->wanted);
    for (size_t i = 0; i < r->count; i++) {
        const struct router *x = &r->items[i];
        bool full = is_full(x, now_ns);
        unsigned most = s->have[i] + (x->pending == 0 && !full ? 1 : 0);
        if ((full || on_trial(x)) && s->wanted[i] > most) {
            s->wanted[i] = most;
        }
    }
}

/* More places free, then fewer writers for the weight. */
static bool is_better(const struct routers *r, const struct shares *s, size_t a, size_t b)
{
    int64_t free_a = (int64_t)s->wanted[a] - s->have[a];
    int64_t free_b = (int64_t)s->wanted[b] - s->have[b];
    return free_a != free_b ? free_a > free_b
                            : (uint64_t)s->have[a] * r->items[b].weight <
                                  (uint64_t)s->have[b] * r->items[a].weight;
}

static int best_of(const struct routers *r, const struct shares *s, uint64_t now_ns, bool trials)
{
    int best = NOWHERE;
    for (size_t i = 0; i < r->count; i++) {
        const struct router *x = &r->items[i];
        bool tried = on_trial(x) && x->pending > 0;
        if (is_up(x, now_ns) && !is_full(x, now_ns) && (trials || !tried) &&
            (best == NOWHERE || is_better(r, s, i, (size_t)best))) {
            best = (int)i;
        }
    }
    return best;
}

static int soonest(const struct routers *r)
{
    int best = ENDPOINT;
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].listed && r->items[i].until_ns < r->items[best].until_ns) {
            best = (int)i;
        }
    }
    return best;
}

static int choose(const struct routers *r, uint64_t now_ns)
{
    struct shares s;
    find_shares(r, now_ns, &s);
    if (s.any_free) {
        int best = best_of(r, &s, now_ns, false);
        return best != NOWHERE ? best : best_of(r, &s, now_ns, true);
    }
    return s.any_up || r->items[ENDPOINT].until_ns <= now_ns ? ENDPOINT : soonest(r);
}

/* ---- the list ---- */

static struct router *find(struct routers *r, const char *host)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].host, host) == 0) {
            return &r->items[i];
        }
    }
    return NULL;
}

/* Where there is no room, one that is gone makes it. NULL: there is none. */
static struct router *add(struct routers *r, const char *host)
{
    struct router *x = r->count < ROUTERS_MAX ? &r->items[r->count++] : NULL;
    for (size_t i = 0; x == NULL && i < r->count; i++) {
        bool left = !r->items[i].listed && r->items[i].writers == 0;
        x = left ? &r->items[i] : NULL;
    }
    for (unsigned i = 0; x != NULL && i < r->writer_count; i++) {
        if (r->writers[i].from == x - r->items) {
            r->writers[i].from = ENDPOINT;
        }
    }
    if (x != NULL) {
        *x = (struct router){.weight = 1};
        (void)snprintf(x->host, sizeof x->host, "%s", host);
    }
    return x;
}

static void take(struct routers *r, const struct router_load *l)
{
    struct router *x = l->host[0] == '\0' ? NULL : find(r, l->host);
    if (l->host[0] == '\0' || (x == NULL && (x = add(r, l->host)) == NULL)) {
        return;
    }
    x->load = routers_sane_load(l->load);
    x->weight = router_weight(l->load);
    x->listed = true;
}

static bool spread_changed(struct routers *r)
{
    unsigned weights[ROUTERS_MAX] = {0};
    unsigned wanted[ROUTERS_MAX] = {0};
    bool changed = false;
    for (size_t i = 0; i < r->count; i++) {
        weights[i] = r->items[i].listed ? r->items[i].weight : 0;
    }
    routers_spread(weights, r->count, r->writer_count, wanted);
    for (size_t i = 0; i < r->count; i++) {
        changed = changed || wanted[i] != r->items[i].told;
        r->items[i].told = wanted[i];
    }
    return changed;
}

bool routers_update(struct routers *r, const struct router_load *list, size_t count,
                    uint64_t now_ns)
{
    bool was[ROUTERS_MAX] = {false};
    bool changed = false;
    (void)now_ns;
    if (count == 0) {
        return false;
    }
    mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        was[i] = r->items[i].listed;
        r->items[i].listed = false;
    }
    for (size_t i = 0; i < count; i++) {
        take(r, &list[i]);
    }
    for (size_t i = 0; i < r->count; i++) {
        if (was[i] && !r->items[i].listed) {
            (void)snprintf(add_event(r, true), ROUTER_EVENT_MAX,
                           "router %s is no longer in the group's list", r->items[i].host);
        }
    }
    changed = spread_changed(r);
    mutex_unlock(&r->lock);
    return changed;
}

/* ---- a writer's life ---- */

static void arrive(struct routers *r, struct writer *w)
{
    if (w->pending) {
        r->items[w->place].pending--;
    }
    w->pending = false;
}

static void leave_place(struct routers *r, struct writer *w)
{
    arrive(r, w);
    if (w->place != NOWHERE) {
        r->items[w->place].writers--;
    }
    w->place = NOWHERE;
}

static const char *reason(const struct routers *r, int from)
{
    return from == ENDPOINT         ? "routers answer again"
           : !r->items[from].listed ? "its router is gone from the list"
                                    : "another router has less than its share";
}

bool routers_pick(struct routers *r, unsigned writer, uint64_t now_ns, char host[ROUTER_HOST_MAX])
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    struct writer *w = &r->writers[writer];
    leave_place(r, w);
    int from = w->from;
    w->from = NOWHERE;
    w->seen = true;
    w->place = r->count == 0 ? ENDPOINT : choose(r, now_ns);
    w->at_ns = now_ns;
    struct router *x = &r->items[w->place];
    x->writers++;
    x->pending++;
    w->pending = true;
    if (from != NOWHERE) {
        (void)snprintf(add_event(r, false), ROUTER_EVENT_MAX, "writer %u moves from %s to %s: %s",
                       writer, name_of(r, from), name_of(r, w->place), reason(r, from));
    }
    bool routed = w->place != ENDPOINT;
    if (routed) {
        memcpy(host, x->host, sizeof x->host);
    }
    mutex_unlock(&r->lock);
    return routed;
}

bool routers_any_up(struct routers *r, uint64_t now_ns)
{
    bool up = false;
    mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        up = up || (is_up(&r->items[i], now_ns) && !is_full(&r->items[i], now_ns));
    }
    mutex_unlock(&r->lock);
    return up;
}

void routers_connected(struct routers *r, unsigned writer, uint64_t now_ns)
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    int place = r->writers[writer].place;
    if (place != NOWHERE) {
        struct router *x = &r->items[place];
        arrive(r, &r->writers[writer]);
        x->connects++;
        x->until_ns = 0;
        x->full_until_ns = 0;
        if (x->streak > 0) {
            x->back_ns = now_ns;
            (void)snprintf(add_event(r, place != ENDPOINT), ROUTER_EVENT_MAX,
                           "router %s answers again", name_of(r, place));
        }
        x->streak = 0;
    }
    mutex_unlock(&r->lock);
}

static void avoid(struct routers *r, int place, uint64_t now_ns)
{
    struct router *x = &r->items[place];
    uint64_t wait_ns = ROUTERS_AVOID_NS;
    for (unsigned i = 0; i < x->streak && wait_ns < ROUTERS_AVOID_MAX_NS; i++) {
        wait_ns *= 2;
    }
    wait_ns = wait_ns < ROUTERS_AVOID_MAX_NS ? wait_ns : ROUTERS_AVOID_MAX_NS;
    if (x->streak == 0) {
        x->down_ns = now_ns;
        x->back_ns = 0;
        (void)snprintf(add_event(r, place != ENDPOINT), ROUTER_EVENT_MAX,
                       "router %s stopped answering; it is avoided for a while", name_of(r, place));
    }
    x->streak++;
    x->failed_ns = now_ns;
    x->until_ns = now_ns + wait_ns;
}

/* It is nowhere now, and on its way from nowhere. Returns where it was. */
static int give_up(struct routers *r, struct writer *w)
{
    int place = w->place;
    leave_place(r, w);
    w->from = NOWHERE;
    return place;
}

void routers_failed(struct routers *r, unsigned writer, uint64_t now_ns)
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    int place = give_up(r, &r->writers[writer]);
    if (place != NOWHERE) {
        r->items[place].failures++;
        if (r->items[place].streak == 0 || r->writers[writer].at_ns >= r->items[place].failed_ns) {
            avoid(r, place, now_ns);
        }
    }
    mutex_unlock(&r->lock);
}

void routers_refused(struct routers *r, unsigned writer, uint64_t now_ns)
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    int place = give_up(r, &r->writers[writer]);
    if (place != NOWHERE) {
        struct router *x = &r->items[place];
        if (x->full_until_ns == 0) {
            (void)snprintf(add_event(r, place != ENDPOINT), ROUTER_EVENT_MAX,
                           "router %s takes no more connections just now; the writers that have "
                           "one stay",
                           name_of(r, place));
        }
        x->full_until_ns = now_ns + ROUTERS_AVOID_NS;
    }
    mutex_unlock(&r->lock);
}

void routers_left(struct routers *r, unsigned writer)
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    leave_place(r, &r->writers[writer]);
    mutex_unlock(&r->lock);
}

/* ---- moving ---- */

static unsigned places_free(const struct routers *r, const struct shares *s)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->count; i++) {
        n += s->wanted[i] > s->have[i] ? s->wanted[i] - s->have[i] : 0;
    }
    return n;
}

static bool somebody_leaves(const struct routers *r, int place)
{
    for (unsigned i = 0; i < r->writer_count; i++) {
        if (r->writers[i].from == place) {
            return true;
        }
    }
    return false;
}

static bool should_move(const struct routers *r, const struct writer *w, uint64_t now_ns)
{
    struct shares s;
    int place = w->place;
    if (place == NOWHERE || somebody_leaves(r, place)) {
        return false;
    }
    if (place != ENDPOINT && r->items[place].listed && !is_up(&r->items[place], now_ns)) {
        return false; /* it works for this one */
    }
    find_shares(r, now_ns, &s);
    bool too_many = place == ENDPOINT || s.have[place] > s.wanted[place];
    return s.any_up && too_many && s.leaving + s.nowhere < places_free(r, &s);
}

bool routers_should_move(struct routers *r, unsigned writer, uint64_t now_ns)
{
    assert(writer < r->writer_count);
    mutex_lock(&r->lock);
    struct writer *w = &r->writers[writer];
    bool told = w->from != NOWHERE;
    bool move = told || should_move(r, w, now_ns);
    if (move && !told) {
        w->from = w->place;
    }
    mutex_unlock(&r->lock);
    return move;
}

/* ---- for others to see ---- */

size_t routers_look(struct routers *r, struct router_view out[ROUTERS_MAX], uint64_t now_ns)
{
    mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        const struct router *x = &r->items[i];
        out[i] = (struct router_view){.load = x->load,
                                      .weight = x->weight,
                                      .writers = x->writers,
                                      .failures = x->failures,
                                      .state = !x->listed         ? ROUTER_GONE
                                               : is_up(x, now_ns) ? ROUTER_USED
                                                                  : ROUTER_AVOIDED,
                                      .connects = x->connects,
                                      .down_ns = x->down_ns,
                                      .back_ns = x->back_ns};
        memcpy(out[i].host, x->host, sizeof x->host);
    }
    size_t count = r->count;
    mutex_unlock(&r->lock);
    return count;
}
