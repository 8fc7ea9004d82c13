/*
 * The comparison is a list of pairs that is worked off: judging a pair puts the pairs of its parts
 * at the end of the list, unless they are there already. So a type that contains an array of itself
 * ends, a type used a thousand times is compared once, and the worst verdict of any pair is the
 * answer.
 */
#include "pg/type_pair.h"

#include <stdio.h>
#include <string.h>

/* Different pairs within one column's type. Past it nothing is proven, so the answer is no. */
#define PAIRS_MAX 1024

/* array_recv and record_recv insist on their own OIDs before this version; from then on only a
 * mismatch of two built-in OIDs is an error (arrayfuncs.c and rowtypes.c in the server's source;
 * seen on 15: di[] goes into int4[], and a composite over a domain into one over its base, both
 * ways; int4[] into float4[] is an error). Ranges and multiranges carry no OID at all. */
#define LENIENT_OID_VERSION 140000

/* One side's reference to a type from within another. */
struct ref {
    uint32_t oid;
    int32_t typmod;
};

struct pair {
    struct ref source;
    struct ref destination;
    const struct pair *within; /* NULL for the column itself */
    const char *place;         /* what this is of within: "array element", "attribute", ... */
    const char *name;          /* of an attribute, else NULL */
    bool within_range;
};

struct walk {
    struct type_sides sides;
    struct type_verdict verdict;
    size_t count;
    struct pair pairs[PAIRS_MAX];
};

/* Adds what was found at a pair: the cause first and then where it is, so that a deep type loses
 * the outer places and not the cause when why is full. */
static void add_finding(struct walk *w, const struct pair *pair, const struct type_verdict *found)
{
    if (found->rank <= w->verdict.rank) {
        return;
    }
    w->verdict = *found;
    size_t used = strlen(w->verdict.why);
    for (const struct pair *p = pair; p->within != NULL && used < TYPE_WHY_MAX; p = p->within) {
        bool named = p->name != NULL;
        int more = snprintf(w->verdict.why + used, TYPE_WHY_MAX - used, ", in %s%s%s%s", p->place,
                            named ? " \"" : "", named ? p->name : "", named ? "\"" : "");
        used += more > 0 ? (size_t)more : 0;
    }
}

static bool is_listed(const struct walk *w, const struct pair *pair)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct pair *p = &w->pairs[i];
        if (p->source.oid == pair->source.oid && p->source.typmod == pair->source.typmod &&
            p->destination.oid == pair->destination.oid &&
            p->destination.typmod == pair->destination.typmod &&
            p->within_range == pair->within_range) {
            return true;
        }
    }
    return false;
}

static void add_pair(struct walk *w, const struct pair *pair)
{
    if (is_listed(w, pair)) {
        return;
    }
    if (w->count == PAIRS_MAX) {
        type_verdict_worsen(&w->verdict, RANK_REFUSED, "too many types within types to compare");
        return;
    }
    w->pairs[w->count++] = *pair;
}

/* Two built-in OIDs that differ are never better than text, so the version is all that matters. */
static bool oid_is_accepted(const struct walk *w, uint32_t source, uint32_t destination)
{
    return source == destination || w->sides.destination->server_version >= LENIENT_OID_VERSION;
}

/* A part that is sent with its OID: the element of an array, an attribute of a composite. */
static void add_member(struct walk *w, const struct pair *pair)
{
    add_pair(w, pair);
    if (!oid_is_accepted(w, pair->source.oid, pair->destination.oid)) {
        struct type_verdict found = {.rank = RANK_BINARY};
        type_verdict_worsen(&found, RANK_TEXT,
                            "a destination before 14 wants its own type OIDs in binary");
        add_finding(w, pair, &found);
    }
}

static void add_attributes(struct walk *w, const struct pair *within, const struct type_info *s,
                           const struct type_info *d)
{
    for (size_t i = 0; i < s->attribute_count && i < d->attribute_count; i++) {
        const struct type_attribute *from = &s->attributes[i];
        const struct type_attribute *to = &d->attributes[i];
        struct pair pair = {
            .source = {from->type_oid, from->typmod},
            .destination = {to->type_oid,   to->typmod  },
            .within = within,
            .place = "attribute",
            .name = from->name,
            .within_range = within->within_range
        };
        add_member(w, &pair);
    }
}

static void add_parts(struct walk *w, const struct pair *within, const struct type_part *s,
                      const struct type_part *d)
{
    struct pair pair = {.within = within, .within_range = within->within_range};

    if (type_pair_is_array(s, d)) {
        pair.source = (struct ref){s->type->element_oid, s->typmod};
        pair.destination = (struct ref){d->type->element_oid, d->typmod};
        pair.place = "array element";
        add_member(w, &pair);
    } else if (s->type->kind == 'c' && d->type->kind == 'c') {
        add_attributes(w, within, s->type, d->type);
    } else if (s->type->kind == d->type->kind && (s->type->kind == 'r' || s->type->kind == 'm')) {
        pair.source = (struct ref){s->type->subtype_oid, -1};
        pair.destination = (struct ref){d->type->subtype_oid, -1};
        pair.place = s->type->kind == 'm' ? "range of the multirange" : "subtype of the range";
        pair.within_range = true;
        add_pair(w, &pair);
    }
}

static void judge(struct walk *w, const struct pair *pair)
{
    struct type_verdict found = {.rank = RANK_BINARY};
    struct type_part s;
    struct type_part d;

    if (!type_part_find(w->sides.source, pair->source.oid, pair->source.typmod, &s)) {
        type_verdict_worsen(&found, RANK_REFUSED, "the source has no type with OID %u",
                            pair->source.oid);
    } else if (!type_part_find(w->sides.destination, pair->destination.oid,
                               pair->destination.typmod, &d)) {
        type_verdict_worsen(&found, RANK_REFUSED, "the destination has no type with OID %u",
                            pair->destination.oid);
    } else {
        type_pair_judge(&w->sides, &s, &d, pair->within_range, &found);
        add_parts(w, pair, &s, &d);
    }
    add_finding(w, pair, &found);
}

enum type_match type_compare(const struct type_use *source, const struct type_use *destination,
                             char why[TYPE_WHY_MAX])
{
    static const enum type_match matches[] = {
        [RANK_BINARY] = TYPE_BINARY,
        [RANK_TEXT] = TYPE_TEXT,
        [RANK_WIDENED] = TYPE_TEXT,
        [RANK_REFUSED] = TYPE_REFUSED,
    };
    struct walk w;

    w.sides = (struct type_sides){source->set, destination->set};
    w.verdict = (struct type_verdict){.rank = RANK_BINARY};
    w.count = 1;
    w.pairs[0] = (struct pair){
        .source = {source->oid,      source->typmod     },
        .destination = {destination->oid, destination->typmod}
    };
    for (size_t i = 0; i < w.count && w.verdict.rank != RANK_REFUSED; i++) {
        judge(&w, &w.pairs[i]);
    }
    (void)snprintf(why, TYPE_WHY_MAX, "%s", w.verdict.why);
    return matches[w.verdict.rank];
}
