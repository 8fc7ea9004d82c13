#include "pg/type_pair.h"

#include <stdio.h>
#include <string.h>

/* Far more than a person writes; it ends a walk through a set that is not well formed. */
#define DEPTH_MAX 64

#define NO_TYPMOD (-1)

#define LABELS_NAMED_MAX 3
#define LABELS_TEXT_MAX  160
#define LABEL_MAX        160

/* "schema.name", without the schema where it is PostgreSQL's own. */
static const char *label(const struct type_info *t, char out[LABEL_MAX])
{
    bool own = strcmp(t->schema, "pg_catalog") == 0;

    (void)snprintf(out, LABEL_MAX, "%s%s%s", own ? "" : t->schema, own ? "" : ".", t->name);
    return out;
}

static void worsen_pair(struct type_verdict *v, enum type_rank rank, const struct type_info *s,
                        const char *between, const struct type_info *d)
{
    char source[LABEL_MAX];
    char destination[LABEL_MAX];

    type_verdict_worsen(v, rank, "%s %s %s", label(s, source), between, label(d, destination));
}

bool type_part_find(const struct type_set *set, uint32_t oid, int32_t typmod, struct type_part *out)
{
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        const struct type_info *type = type_set_find(set, oid);
        if (type == NULL) {
            return false;
        }
        if (type->kind != 'd') {
            *out = (struct type_part){type, typmod};
            return true;
        }
        oid = type->base_oid;
        typmod = type->base_typmod;
    }
    return false;
}

/* Types of an extension are the same in whatever schema the extension lives. */
static bool same_name(const struct type_info *s, const struct type_info *d)
{
    if (strcmp(s->name, d->name) != 0) {
        return false;
    }
    if (s->extension != NULL && d->extension != NULL) {
        return strcmp(s->extension, d->extension) == 0;
    }
    return strcmp(s->schema, d->schema) == 0;
}

static bool has_label(const struct type_info *t, const char *name)
{
    for (size_t i = 0; i < t->label_count; i++) {
        if (strcmp(t->labels[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* enum_send sends the label, so order and further labels at the destination do not matter. */
static void compare_enums(const struct type_info *s, const struct type_info *d,
                          struct type_verdict *v)
{
    char names[LABELS_TEXT_MAX] = "";
    size_t used = 0;
    size_t missing = 0;

    for (size_t i = 0; i < s->label_count; i++) {
        if (has_label(d, s->labels[i])) {
            continue;
        }
        if (missing++ < LABELS_NAMED_MAX && used < sizeof names) {
            int more = snprintf(names + used, sizeof names - used, "%s\"%s\"",
                                missing == 1 ? "" : ", ", s->labels[i]);
            used += more > 0 ? (size_t)more : 0;
        }
    }
    if (missing > 0) {
        char name[LABEL_MAX];
        type_verdict_worsen(v, RANK_REFUSED, "the destination's %s lacks %zu label(s): %s%s",
                            label(d, name), missing, names,
                            missing > LABELS_NAMED_MAX ? ", ..." : "");
    }
}

/* What a base type made by CREATE TYPE or an extension sends is known to its C code only. */
static void compare_user_base(const struct type_info *s, const struct type_info *d,
                              struct type_verdict *v)
{
    if (!same_name(s, d)) {
        worsen_pair(v, RANK_REFUSED, s, "is another type than", d);
    } else if (s->extension == NULL || d->extension == NULL) {
        type_verdict_worsen(v, RANK_TEXT, "base type %s belongs to no extension on both sides",
                            s->name);
    } else if (strcmp(s->extension_version, d->extension_version) != 0) {
        type_verdict_worsen(v, RANK_TEXT,
                            "extension %s has version %s at the source and %s at the destination",
                            s->extension, s->extension_version, d->extension_version);
    }
}

/* What an array holds in the end, through arrays and domains. */
static uint32_t leaf_oid(const struct type_set *set, const struct type_info *type)
{
    for (int depth = 0; depth < DEPTH_MAX && type->element_oid != 0; depth++) {
        struct type_part element;
        if (!type_part_find(set, type->element_oid, NO_TYPMOD, &element)) {
            return 0;
        }
        type = element.type;
    }
    return type->oid;
}

/* Not the same type: only the listed pairs and free text are left. */
static void compare_unlike(const struct type_sides *sides, struct type_part s, struct type_part d,
                           struct type_verdict *v)
{
    uint32_t leaf = leaf_oid(sides->source, s.type);
    bool to_text =
        type_is_free_text(d.type->oid, d.typmod) && s.type->kind != 'p' && type_text_is_value(leaf);
    if (to_text || type_widens(s.type->oid, s.typmod, d.type->oid, d.typmod)) {
        worsen_pair(v, RANK_WIDENED, s.type, "becomes", d.type);
        return;
    }
    char source_limit[TYPE_LIMIT_MAX];
    char destination_limit[TYPE_LIMIT_MAX];
    char source[LABEL_MAX];
    char destination[LABEL_MAX];
    type_verdict_worsen(v, RANK_REFUSED, "%s%s is not carried unchanged by %s%s",
                        label(s.type, source), type_limit_text(s.type->oid, s.typmod, source_limit),
                        label(d.type, destination),
                        type_limit_text(d.type->oid, d.typmod, destination_limit));
}

static void compare_limits(struct type_part s, struct type_part d, struct type_verdict *v)
{
    char source[TYPE_LIMIT_MAX];
    char destination[TYPE_LIMIT_MAX];

    if (!type_limit_fits(s.type->oid, s.typmod, d.typmod)) {
        type_verdict_worsen(v, RANK_REFUSED, "%s%s does not fit %s%s", s.type->name,
                            type_limit_text(s.type->oid, s.typmod, source), d.type->name,
                            type_limit_text(d.type->oid, d.typmod, destination));
    }
}

static void compare_base(const struct type_sides *sides, struct type_part s, struct type_part d,
                         struct type_verdict *v)
{
    if (!type_is_builtin(s.type) && !type_is_builtin(d.type)) {
        compare_user_base(s.type, d.type, v);
    } else if (s.type->oid == d.type->oid && same_name(s.type, d.type)) {
        type_builtin_judge(s.type, sides->source->server_version,
                           sides->destination->server_version, v);
    } else {
        compare_unlike(sides, s, d, v);
        return; /* which has looked at the limits */
    }
    compare_limits(s, d, v);
}

/* Values cross by position: (x, y) read as (y, x) would swap them. */
static void compare_attribute_names(const struct type_info *s, const struct type_info *d,
                                    struct type_verdict *v)
{
    char name[LABEL_MAX];

    if (s->attribute_count != d->attribute_count) {
        type_verdict_worsen(v, RANK_REFUSED,
                            "%s has %zu attributes at the source and %zu at the destination",
                            label(s, name), s->attribute_count, d->attribute_count);
        return;
    }
    for (size_t i = 0; i < s->attribute_count; i++) {
        if (strcmp(s->attributes[i].name, d->attributes[i].name) != 0) {
            type_verdict_worsen(v, RANK_REFUSED,
                                "attribute %zu of %s is \"%s\" at the source and \"%s\" at the "
                                "destination",
                                i + 1, label(s, name), s->attributes[i].name,
                                d->attributes[i].name);
            return;
        }
    }
}

/* A built-in range may move its bounds to a canonical form that another range does not have. */
static void compare_ranges(const struct type_info *s, const struct type_info *d,
                           struct type_verdict *v)
{
    if (s->oid != d->oid && (type_is_builtin(s) || type_is_builtin(d))) {
        worsen_pair(v, RANK_REFUSED, s, "is another range than", d);
    }
}

static void compare_named(const struct type_info *s, const struct type_info *d,
                          struct type_verdict *v)
{
    if (!same_name(s, d)) {
        worsen_pair(v, RANK_TEXT, s, "has another name than", d);
    }
}

static void compare_kind(const struct type_sides *sides, struct type_part s, struct type_part d,
                         struct type_verdict *v)
{
    switch (s.type->kind) {
    case 'b':
        compare_base(sides, s, d, v);
        break;
    case 'c':
        compare_attribute_names(s.type, d.type, v);
        compare_named(s.type, d.type, v);
        break;
    case 'e':
        compare_enums(s.type, d.type, v);
        compare_named(s.type, d.type, v);
        break;
    case 'r':
        compare_ranges(s.type, d.type, v);
        compare_named(s.type, d.type, v);
        break;
    case 'm': /* its name follows from its range's, which is a part of it */
        compare_ranges(s.type, d.type, v);
        break;
    default:
        worsen_pair(v, RANK_REFUSED, s.type, "is a pseudo-type, as is", d.type);
        break;
    }
}

static void compare_functions(const struct type_info *s, const struct type_info *d,
                              struct type_verdict *v)
{
    if (!s->has_send) {
        type_verdict_worsen(v, RANK_TEXT, "%s has no binary send function", s->name);
    }
    if (!d->has_receive) {
        type_verdict_worsen(v, RANK_TEXT, "%s has no binary receive function", d->name);
    }
}

bool type_pair_is_array(const struct type_part *s, const struct type_part *d)
{
    return s->type->kind == 'b' && d->type->kind == 'b' && s->type->element_oid != 0 &&
           d->type->element_oid != 0;
}

void type_pair_judge(const struct type_sides *sides, const struct type_part *s,
                     const struct type_part *d, bool within_range, struct type_verdict *v)
{
    bool one_is_array = (s->type->element_oid != 0) != (d->type->element_oid != 0);

    if (s->type->kind != d->type->kind || one_is_array) {
        compare_unlike(sides, *s, *d, v);
    } else if (!type_pair_is_array(s, d)) { /* an array's name says nothing */
        compare_kind(sides, *s, *d, v);
    }
    if (within_range && v->rank == RANK_WIDENED) {
        worsen_pair(v, RANK_REFUSED, s->type, "in a range is not", d->type);
    }
    compare_functions(s->type, d->type, v);
}
