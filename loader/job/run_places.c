/* A destination that takes fewer connections than there are writers: what is said of it. */
#include "base/clock.h"
#include "job/run_internal.h"

#include <stdio.h>

/* By then whoever was just connecting has, or was refused. */
#define SETTLE_NS (UINT64_C(1) * NS_PER_S)

static void note(const struct watch *w, const char *text)
{
    w->run->observer->note(w->run->observer->self, text);
}

/* The control connection is one more. */
static void tell_full(struct watch *w, unsigned writers)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "the destination takes no more than %u connections just now: going on with %u "
                   "writer%s",
                   writers + 1, writers, writers == 1 ? "" : "s");
    note(w, text);
    w->told_writers = writers;
}

static void tell_free(struct watch *w, unsigned writers)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "the destination takes more connections again: %u writers have one", writers);
    note(w, text);
    w->told_writers = 0;
}

void run_places(struct watch *w)
{
    struct places_view v;
    places_look(writers_places(w->run->writers), &v);
    bool settled = v.full_ns != 0 && clock_mono_ns() - v.refused_ns >= SETTLE_NS;
    if (settled && v.parked > 0 && v.connected > 0) {
        unsigned least = w->fewest_writers;
        w->fewest_writers = least == 0 || v.connected < least ? v.connected : least;
        if (w->told_writers == 0 || v.connected < w->told_writers) {
            tell_full(w, v.connected);
        }
    } else if (w->told_writers != 0 && v.full_ns == 0) {
        tell_free(w, v.connected);
    }
}

void run_places_end(struct watch *w)
{
    const struct run_streams *r = w->run;
    struct places_view v;
    places_look(writers_places(r->writers), &v);
    unsigned now = v.parked > 0 ? v.connected : v.fewest; /* a short run */
    unsigned writers = w->fewest_writers != 0 ? w->fewest_writers : now;
    if (v.ever_full) {
        findings_add(&r->result->findings, FINDING_WARNING, ERR_NONE,
                     "the destination took no more than %u connections for a time: the load went "
                     "on with %u of %u writers; a larger max_connections, or CONNECTION LIMIT of "
                     "the role or database, would have let all in, and -j %u asks for no more",
                     writers + 1, writers, r->streams, writers);
    }
}
