/* One column as a shard key. The weights are of our own choosing; docs/assess.md has them. */
#include "limitless/assess_internal.h"

#include <ctype.h>
#include <string.h>

#define FEW_VALUES  4.0  /* fewer cannot even fill the shards of the smallest group */
#define LOW_VALUES  16.0 /* as many as the largest group has shards */
#define SOME_VALUES 64.0
#define MANY_VALUES 100000.0
#define KEY_SEEN    0.03 /* each unique key that has to grow, up to KEY_WORST */
#define KEY_WORST   0.09
#define SURROGATE   0.90 /* a number that nobody asks by spreads well and helps no query */
#define TIME        0.30 /* every question about a period goes to every shard */
#define UNKNOWN     0.90

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool key_is_time(const struct survey_column *c)
{
    static const char *const types[] = {"date", "timestamp", "timestamptz"};
    return is_one_of(c->base_type, types, sizeof types / sizeof types[0]);
}

/* AWS publishes no full list: these are in its samples or are hashed like them. */
bool key_type_fits(const struct survey_column *c)
{
    static const char *const types[] = {"int2", "int4",    "int8",   "uuid",
                                        "text", "varchar", "bpchar", "numeric"};
    return is_one_of(c->base_type, types, sizeof types / sizeof types[0]) || key_is_time(c);
}

const char *key_refused(const struct survey_table *t, size_t column)
{
    const struct survey_column *c = &t->columns[column];
    if (!key_type_fits(c)) {
        return "its type cannot be a shard key";
    }
    if (c->generated) {
        return "it is a generated column";
    }
    if (!c->not_null && has_primary_key(t)) {
        if (!c->has_stats) {
            return "it may be NULL, and no statistics say whether it is";
        }
        if (c->null_frac > 0) {
            return "it is NULL in some rows";
        }
    }
    if (c->has_stats && c->null_frac >= 0.5) {
        return "it is NULL in most rows";
    }
    return NULL;
}

/* The most common value's rows are all on one shard. */
static double evenness(const struct survey_column *c)
{
    return c->top_freq >= 0.5 ? 0.6 : c->top_freq >= 0.2 ? 0.8 : c->top_freq >= 0.05 ? 0.95 : 1.0;
}

static double spread(const struct survey_column *c)
{
    if (!c->has_stats || c->distinct < 0) {
        return UNKNOWN;
    }
    return c->distinct < FEW_VALUES    ? 0.1
           : c->distinct < LOW_VALUES  ? 0.5
           : c->distinct < SOME_VALUES ? 0.85
                                       : 0.99 + c->distinct / (c->distinct + MANY_VALUES) / 100;
}

static double keys_to_grow(const struct survey_table *t, size_t column)
{
    double cost = 0;
    for (size_t i = 0; i < t->key_count; i++) {
        cost += key_has(&t->keys[i], column) ? 0 : KEY_SEEN;
    }
    return cost > KEY_WORST ? KEY_WORST : cost;
}

static bool is_surrogate(const struct survey_table *t, size_t column)
{
    const struct survey_column *c = &t->columns[column];
    return is_whole_key(t, column) &&
           (c->identity || c->default_sequence || strcmp(c->base_type, "uuid") == 0 ||
            in_primary_key(t, column));
}

double key_quality(const struct survey_table *t, size_t column, bool even)
{
    const struct survey_column *c = &t->columns[column];
    double quality = spread(c) * (even ? 1.0 : evenness(c)) * (1 - keys_to_grow(t, column));
    quality *= is_surrogate(t, column) ? SURROGATE : 1.0;
    quality *= key_is_time(c) ? TIME : 1.0;
    quality *= c->has_stats ? 1 - c->null_frac : 1.0;
    return quality - (c->not_null ? 0 : 0.02);
}

/* ---- names ---- */

static void fold(const char *from, char out[64])
{
    size_t len = 0;
    for (; *from != '\0' && len < 63; from++) {
        if (*from != '_') {
            out[len++] = (char)tolower((unsigned char)*from);
        }
    }
    out[len] = '\0';
}

int key_hint(const struct survey_column *c)
{
    static const char *const tenants[] = {"tenantid",  "orgid",          "organizationid",
                                          "companyid", "organisationid", "workspaceid",
                                          "accountid", "tenantuuid"};
    static const char *const owners[] = {"customerid", "userid",   "clientid", "memberid",
                                         "playerid",   "deviceid", "sensorid"};
    char name[64];
    fold(c->name, name);
    return is_one_of(name, tenants, sizeof tenants / sizeof tenants[0]) ? 2
           : is_one_of(name, owners, sizeof owners / sizeof owners[0])  ? 1
                                                                        : 0;
}
