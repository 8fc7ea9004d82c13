#include "job/steer.h"

#include "base/clock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define AVERAGE        0.2 /* the share of a sample in an average: about a second */
#define SIDE_CLEAR     0.1 /* the difference of waiting that tells which side limits */
#define TURN_NS        (2ull * NS_PER_S)
#define TAIL_NS        3.0e9 /* with less left than this, windows mean nothing */
#define SAMPLE_MIN_NS  (NS_PER_S / 50)
#define THROTTLED_MANY 2 /* in STEER_ERROR_SLOTS samples */
#define CONFLICTS_MANY 3
#define BACK_OFF       0.7
#define CALM_NS        (3ull * NS_PER_S) /* the errors counted so far are forgotten by then */
#define RAISE_NS       (10ull * NS_PER_S)
#define RAISE_MAX_NS   (80ull * NS_PER_S)
#define BLOCKED_MUCH   0.6 /* readers that wait so much are too many */
#define GAIN_TOLD_MAX  99.0
#define READERS_LEAST  0.25 /* to a writer, when eased */

void steer_init(struct steer *s, unsigned max, unsigned start)
{
    *s = (struct steer){.ratio = 1, .raise_wait_ns = RAISE_NS};
    climb_init(&s->writers, max, start);
    climb_init(&s->readers, max, start);
    s->decision.readers = s->readers.count;
    s->decision.writers = s->writers.count;
}

static void say(struct steer *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct steer *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->decision.reason, sizeof s->decision.reason, format, args);
    va_end(args);
}

static unsigned sum(const unsigned *slots)
{
    unsigned total = 0;
    for (unsigned i = 0; i < STEER_ERROR_SLOTS; i++) {
        total += slots[i] < 1000 ? slots[i] : 1000;
    }
    return total;
}

static void average(double *value, double sample)
{
    *value += AVERAGE * (sample - *value);
}

static struct climb *climbed(struct steer *s)
{
    return s->reading_limits ? &s->readers : &s->writers;
}

/* The rate since the sample before; negative: no measurement. */
static double take(struct steer *s, const struct steer_sample *in)
{
    s->slot = (s->slot + 1) % STEER_ERROR_SLOTS;
    s->throttled[s->slot] = in->throttled;
    s->conflicts[s->slot] = in->conflicts;
    bool first = s->last_ns == 0;
    uint64_t passed_ns = in->now_ns > s->last_ns ? in->now_ns - s->last_ns : 0;
    if (!first && passed_ns < SAMPLE_MIN_NS) {
        return -1;
    }
    uint64_t bytes = in->bytes_total > s->last_bytes ? in->bytes_total - s->last_bytes : 0;
    s->last_ns = in->now_ns > 0 ? in->now_ns : 1;
    s->last_bytes = in->bytes_total;
    if (first) {
        return -1;
    }
    /* A trial off the base shifts the limit; the side is chosen by what the base is like. */
    const struct climb *c = climbed(s);
    if (c->phase != CLIMB_TRIAL && c->settled) {
        average(&s->starved, in->writers_starved);
        average(&s->blocked, in->readers_blocked);
        s->trial_starved = s->starved;
    } else if (c->settled) {
        average(&s->trial_starved, in->writers_starved);
        average(&s->trial_starved, in->writers_starved);
    }
    double rate = (double)bytes / (double)passed_ns;
    average(&s->rate, rate);
    return rate;
}

static void refused(struct steer *s, const struct steer_sample *in)
{
    if (in->writer_refused > 0 && in->writers_active < s->writers.max) {
        climb_cap(&s->writers, in->writers_active, in->now_ns);
        say(s, "at most %u writers: the destination refused more connections", s->writers.max);
    }
    if (in->reader_refused > 0 && in->readers_active < s->readers.max) {
        climb_cap(&s->readers, in->readers_active, in->now_ns);
        say(s, "at most %u readers: the source refused more connections", s->readers.max);
    }
}

static void turn_to_reading(struct steer *s, uint64_t now_ns)
{
    climb_restart(&s->readers, s->decision.readers, now_ns);
    s->reading_limits = true;
    s->turn_ns = now_ns;
}

/* From now on both grow together, so that neither holds the other down at every trial. */
static void turn_to_writing(struct steer *s, uint64_t now_ns)
{
    s->ratio = (double)s->readers.best / s->writers.count;
    climb_restart(&s->writers, s->writers.count, now_ns);
    s->reading_limits = false;
    s->turn_ns = now_ns;
}

/* Errors that come back soon after the ceiling rose show that it rose too early. */
static void back_off(struct steer *s, uint64_t now_ns, unsigned count, const char *what)
{
    unsigned to = (unsigned)(BACK_OFF * s->writers.count);
    if (s->raise_at_ns > 0) {
        s->raise_wait_ns =
            2 * s->raise_wait_ns < RAISE_MAX_NS ? 2 * s->raise_wait_ns : RAISE_MAX_NS;
    }
    if (s->reading_limits) {
        turn_to_writing(s, now_ns);
    }
    climb_limit(&s->writers, to, now_ns);
    s->calm_until_ns = now_ns + CALM_NS;
    s->raise_at_ns = now_ns + s->raise_wait_ns;
    say(s, "backing off to %u: %u %s in %u s", s->writers.count, count, what,
        (unsigned)(STEER_ERROR_SLOTS * (uint64_t)STEER_SAMPLE_NS / NS_PER_S));
}

static void heed_errors(struct steer *s, uint64_t now_ns)
{
    unsigned throttled = sum(s->throttled);
    unsigned conflicts = sum(s->conflicts);
    if (now_ns < s->calm_until_ns) {
        return;
    }
    if (throttled >= THROTTLED_MANY) {
        back_off(s, now_ns, throttled, "throttled commits");
    } else if (conflicts >= CONFLICTS_MANY) {
        back_off(s, now_ns, conflicts, "deadlocks");
    } else if (s->raise_at_ns > 0 && now_ns >= s->raise_at_ns) {
        climb_raise(&s->writers, now_ns);
        s->raise_at_ns = now_ns + s->raise_wait_ns;
        if (s->writers.ceiling == s->writers.max) {
            s->raise_at_ns = 0;
            s->raise_wait_ns = RAISE_NS;
        }
    }
}

/* The side that waits less is the one that limits. A trial is not cut short. */
static void choose_side(struct steer *s, uint64_t now_ns)
{
    double more = s->starved - s->blocked;
    if (climbed(s)->phase == CLIMB_TRIAL || now_ns < s->turn_ns + TURN_NS) {
        return;
    }
    if (!s->reading_limits && more > SIDE_CLEAR) {
        turn_to_reading(s, now_ns);
    } else if (s->reading_limits && more < -SIDE_CLEAR) {
        turn_to_writing(s, now_ns);
    }
}

static void tell(struct steer *s, const struct climb *c, enum climb_verdict verdict,
                 unsigned before)
{
    const char *what = s->reading_limits ? "readers" : "writers";
    double gain = c->gain < GAIN_TOLD_MAX ? c->gain : GAIN_TOLD_MAX;
    int percent = (int)(100 * gain + (gain < 0 ? -0.5 : 0.5));
    switch (verdict) {
    case CLIMB_TRY:
        say(s, "%s %u -> %u: a trial", what, before, c->count);
        return;
    case CLIMB_GAIN:
        say(s, "%s %u -> %u: %u gave %d %% %s", what, before, c->count, before,
            percent < 0 ? -percent : percent, percent < 0 ? "less" : "more");
        return;
    case CLIMB_NO_GAIN:
        say(s, "%s %u -> %u: %u gave %+d %% throughput", what, before, c->count, before, percent);
        return;
    case CLIMB_NOTHING:
    default:
        return;
    }
}

static void climb_on(struct steer *s, const struct steer_sample *in, double rate)
{
    struct climb *c = climbed(s);
    unsigned before = c->count;
    struct climb_sample sample = {
        .now_ns = in->now_ns,
        .rate = rate,
        .latency_ns = (double)in->commit_ns,
        .active = s->reading_limits ? in->readers_active : in->writers_active,
    };
    enum climb_verdict verdict = climb_sample(c, &sample);
    tell(s, c, verdict, before);
    bool judged = verdict == CLIMB_GAIN || verdict == CLIMB_NO_GAIN;
    if (s->reading_limits && judged && c->to > c->from && s->trial_starved < SIDE_CLEAR) {
        turn_to_writing(s, in->now_ns);
    }
}

/* Readers that mostly wait for memory cost the source sessions and bring nothing. */
static void ease_readers(struct steer *s, uint64_t now_ns)
{
    unsigned readers = s->decision.readers;
    unsigned fewer = readers / 4 > 0 ? readers / 4 : 1;
    if (s->reading_limits || s->writers.phase != CLIMB_HOLD || s->blocked < BLOCKED_MUCH ||
        now_ns < s->turn_ns + TURN_NS || readers - fewer < READERS_LEAST * s->writers.count ||
        readers == fewer) {
        return;
    }
    s->ratio = (double)(readers - fewer) / s->writers.count;
    s->turn_ns = now_ns;
    say(s, "readers %u -> %u: they wait for memory", readers, readers - fewer);
}

static unsigned readers_wanted(const struct steer *s)
{
    if (s->reading_limits) {
        return s->readers.count;
    }
    unsigned count = (unsigned)(s->ratio * s->writers.count + 0.5);
    count = count > 0 ? count : 1;
    return count < s->readers.max ? count : s->readers.max;
}

static void steer_on(struct steer *s, const struct steer_sample *in, double rate)
{
    bool tail =
        in->remaining_bytes != UINT64_MAX && (double)in->remaining_bytes < TAIL_NS * s->rate;
    if (rate < 0 || tail) {
        return;
    }
    choose_side(s, in->now_ns);
    climb_on(s, in, rate);
    ease_readers(s, in->now_ns);
}

void steer_sample(struct steer *s, const struct steer_sample *in, struct steer_decision *out)
{
    unsigned readers = s->decision.readers;
    unsigned writers = s->decision.writers;
    s->decision.reason[0] = '\0';

    double rate = take(s, in);
    refused(s, in);
    heed_errors(s, in->now_ns);
    if (s->decision.reason[0] == '\0') {
        steer_on(s, in, rate);
    }
    s->decision.writers = s->writers.count;
    s->decision.readers = readers_wanted(s);
    s->decision.changed = s->decision.readers != readers || s->decision.writers != writers;
    if (!s->decision.changed) {
        s->decision.reason[0] = '\0';
    }
    assert(s->decision.writers >= 1 && s->decision.writers <= s->writers.max);
    assert(s->decision.readers >= 1 && s->decision.readers <= s->readers.max);
    *out = s->decision;
}
