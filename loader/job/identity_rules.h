/*
 * identity_rules.h: the rules of a job file as a part of a job's identity. Private to identity.c.
 */
#ifndef JOB_IDENTITY_RULES_H
#define JOB_IDENTITY_RULES_H

#include "base/buf.h"
#include "job/table_rule.h"

#include <jansson.h>

/* Which rows, and where to: what makes another job. Without such rules hash is returned as it is.
 */
uint64_t identity_rules_hash(const struct table_rules *rules, uint64_t hash);

/* All of it but the lines. A new reference; NULL without memory. */
json_t *identity_rules_json(const struct table_rules *rules);

/* Names each wish that was another, by its rule's pattern. before may be NULL. */
void identity_rules_differ(json_t *before, json_t *now, struct buf *out);

#endif
