#include "job/places.h"

#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX

struct places {
    struct mutex lock; /* guards all below */
    unsigned writers;
    unsigned trying; /* which of the parked ones, or NOBODY */
    uint64_t try_ns; /* not before */
    bool control_waits;
    bool leaving; /* one has been told to make room for it */
    struct places_view sums;
    struct {
        bool connected;
        bool parked;
    } writer[];
};

struct places *places_new(unsigned writers)
{
    struct places *p = calloc(1, sizeof *p + writers * sizeof p->writer[0]);
    if (p != NULL) {
        mutex_init(&p->lock);
        p->writers = writers;
        p->trying = NOBODY;
    }
    return p;
}

void places_free(struct places *p)
{
    if (p != NULL) {
        mutex_destroy(&p->lock);
        free(p);
    }
}

/* ---- all under the lock ---- */

static void park(struct places *p, unsigned writer)
{
    p->sums.parked += !p->writer[writer].parked;
    p->writer[writer].parked = true;
    p->sums.fewest = p->sums.connected;
    p->sums.ever_full = true;
}

static void unpark(struct places *p, unsigned writer)
{
    p->sums.parked -= p->writer[writer].parked;
    p->writer[writer].parked = false;
    if (p->sums.parked == 0 && !p->control_waits) {
        p->sums.full_ns = 0;
    }
}

static void is_full(struct places *p, uint64_t now_ns)
{
    p->sums.full_ns = p->sums.full_ns == 0 ? now_ns : p->sums.full_ns;
    p->sums.refused_ns = now_ns;
    p->try_ns = now_ns + PLACES_RETRY_NS;
}

static void end_try(struct places *p, unsigned writer)
{
    p->trying = p->trying == writer ? NOBODY : p->trying;
}

/* 0: it may dial now. */
static uint64_t wait_until(const struct places *p, unsigned writer, uint64_t now_ns)
{
    if (p->sums.connected == 0) {
        return 0;
    }
    if (p->control_waits) {
        return now_ns + PLACES_LOOK_NS;
    }
    if (p->sums.full_ns == 0) {
        return 0;
    }
    if (p->trying != NOBODY && p->trying != writer) {
        return now_ns + PLACES_LOOK_NS;
    }
    return now_ns < p->try_ns ? p->try_ns : 0;
}

/* ---- a writer ---- */

bool places_may_dial(struct places *p, unsigned writer, uint64_t now_ns, uint64_t *until_ns)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    uint64_t until = wait_until(p, writer, now_ns);
    if (until != 0) {
        *until_ns = until;
        park(p, writer);
    } else if (p->sums.full_ns != 0) {
        p->trying = writer;
    }
    mutex_unlock(&p->lock);
    return until == 0;
}

void places_taken(struct places *p, unsigned writer, uint64_t now_ns)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    assert(!p->writer[writer].connected);
    p->writer[writer].connected = true;
    p->sums.connected++;
    if (p->trying == writer) {
        p->try_ns = now_ns; /* there may be more */
    }
    end_try(p, writer);
    unpark(p, writer);
    mutex_unlock(&p->lock);
}

void places_failed(struct places *p, unsigned writer)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    end_try(p, writer);
    unpark(p, writer);
    mutex_unlock(&p->lock);
}

bool places_refused(struct places *p, unsigned writer, uint64_t now_ns, uint64_t *until_ns)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    bool others = p->sums.connected > 0;
    end_try(p, writer);
    if (others) {
        is_full(p, now_ns);
        park(p, writer);
        *until_ns = p->try_ns;
    } else {
        unpark(p, writer);
    }
    mutex_unlock(&p->lock);
    return others;
}

void places_left(struct places *p, unsigned writer)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    assert(p->writer[writer].connected);
    p->writer[writer].connected = false;
    p->sums.connected--;
    mutex_unlock(&p->lock);
}

/* ---- the control connection ---- */

void places_want_control(struct places *p, uint64_t now_ns)
{
    mutex_lock(&p->lock);
    p->control_waits = true;
    p->leaving = false;
    is_full(p, now_ns);
    mutex_unlock(&p->lock);
}

void places_have_control(struct places *p)
{
    mutex_lock(&p->lock);
    p->control_waits = false;
    p->leaving = false;
    p->sums.full_ns = p->sums.parked == 0 ? 0 : p->sums.full_ns;
    mutex_unlock(&p->lock);
}

bool places_should_leave(struct places *p, unsigned writer)
{
    assert(writer < p->writers);
    mutex_lock(&p->lock);
    bool leave = p->control_waits && !p->leaving && p->sums.connected > 1;
    p->leaving = p->leaving || leave;
    mutex_unlock(&p->lock);
    return leave;
}

void places_look(struct places *p, struct places_view *out)
{
    mutex_lock(&p->lock);
    *out = p->sums;
    mutex_unlock(&p->lock);
}
