/* aws_setup_json.h: what policies are made of; private to aws_setup_policy.c, _trust.c,
 * _utility.c and _spill_policy.c. A missing piece (no memory) makes the whole document NULL at the
 * end, so callers need not check each step. Pure. */
#ifndef CLI_AWS_SETUP_JSON_H
#define CLI_AWS_SETUP_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

/* One of several: the words up to a NULL, as an array. */
json_t *policy_words(const char *const *words);

/* {"Sid", "Effect": "Allow", "Action"}; actions ends with NULL. */
json_t *policy_statement(const char *sid, const char *label, const char *const *actions);
/* Adds to a statement; takes value over, also when it fails. */
void policy_put(json_t *statement, const char *key, json_t *value);

/* Takes statement over; NULL spoils the list. */
void policy_add(json_t **statements, json_t *statement);

/* Writes {"Version", "Statement"}; takes statements over. */
bool policy_write(json_t *statements, struct buf *out, struct err *err) MUST_CHECK;
/* Writes the bare list. */
bool policy_write_list(json_t *statements, struct buf *out, struct err *err) MUST_CHECK;

/* What whoever loads does with the key of --spill-kms-key. principal NULL: for an identity policy,
 * which names the key; else for the key's own policy. NULL, or spoiled, without memory. */
json_t *policy_spill_key(const char *key, const char *principal);

/* Appends text so that a policy takes it literally: "${" begins a variable, and in a resource "*"
 * and "?" are wildcards. Source: IAM user guide, "Policy variables", special characters. */
void policy_literal(struct buf *out, const char *text, bool resource);

#endif
