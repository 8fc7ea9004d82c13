/*
 * aws_setup_facts.h: what "sluice aws setup" knows before it writes a file: plain data. What could
 * not be found out is there as a placeholder in capitals, and named in gaps.
 *
 * From the command line (setup_facts_read, no network), then from AWS (setup_facts_ask). Texts are
 * owned and never NULL after setup_facts_read, except those marked "or NULL". One owner.
 */
#ifndef CLI_AWS_SETUP_FACTS_H
#define CLI_AWS_SETUP_FACTS_H

#include "base/err.h"
#include "job/spec.h"

#include <stdbool.h>
#include <stddef.h>

enum setup_which { SETUP_SOURCE, SETUP_DESTINATION, SETUP_SIDES };

struct setup_side {
    const char *name;             /* "source", "destination" */
    const char *label;            /* "Source", "Destination": for statement ids */
    const char *group;            /* the role that print_sql gives the rights to */
    const struct side_auth *auth; /* borrowed from the spec */

    char *identifier; /* of an rds: name, else "" */
    char *host;       /* that the token is signed for; "" when unknown */
    char *database;   /* "" when unknown */
    char *user;       /* the database role that logs in; group when nobody says one */
    bool user_guessed;

    char *region;      /* or placeholder */
    char *account;     /* of the database, or placeholder */
    char *resource_id; /* cluster-ABC or db-ABC, or placeholder */

    char *secret_arn;  /* NULL when no secret is asked for */
    bool secret_known; /* DescribeSecret said so */
    /* ARN of the customer key around the secret, ".../key/" and "*" when it is not known; NULL when
     * there is none. */
    char *secret_key;
    char *file_key; /* ARN (placeholder) of the key of --...-password-kms; NULL without */
    /* Of --spill-kms-key, which the destination's identity asks: its ARN, or placeholder, and its
     * Region, or placeholder. NULL without, and always for the source. */
    char *spill_key;
    char *spill_region;
};

struct setup_gap {
    char *placeholder; /* "ACCOUNT_ID"; "" for what has to be known without one */
    char *how;         /* one line: what it is, why it is missing, how to find it */
};
#define SETUP_GAPS_MAX 24

struct setup_facts {
    char *partition; /* "aws" */
    char *account;   /* of the caller, or placeholder */
    char *region;    /* or placeholder */
    char *principal; /* ARN of the user or role that Sluice runs as, or placeholder */
    /* "role/NAME" or "user/NAME" as the scripts want it; "" when it is not known or is neither */
    char *principal_name;
    bool utility;
    struct setup_side sides[SETUP_SIDES];
    struct setup_gap gaps[SETUP_GAPS_MAX];
    size_t gap_count;
    const struct spec *spec; /* borrowed: mode and ledger schema for the SQL */
};

/* From the options alone. ERR_USAGE: a connection string that is none, or a name with a control
 * character in it. */
bool setup_facts_read(const struct spec *spec, struct setup_facts *f, struct err *err) MUST_CHECK;

/* Asks AWS for the rest. What is refused becomes a gap; only ERR_SYSTEM and ERR_CANCELLED fail. */
bool setup_facts_ask(struct setup_facts *f, struct err *err) MUST_CHECK;

/* The part of setup_facts_ask that comes last and asks nobody: placeholders and gaps for what is
 * still empty. why: the reason why AWS could not be asked, or "". */
bool setup_facts_fill(struct setup_facts *f, const char *why, struct err *err) MUST_CHECK;

void setup_facts_free(struct setup_facts *f); /* zeroed is allowed */

/* ---- pieces of it, for aws_setup_*.c and tests ---- */

/* Replaces a text. ERR_SYSTEM without memory. */
bool setup_set(char **slot, const char *text, struct err *err) MUST_CHECK;
/* Notes a gap, once for each placeholder that is not "". ERR_SYSTEM without memory or past
 * SETUP_GAPS_MAX. */
bool setup_gap(struct setup_facts *f, const char *placeholder, struct err *err, const char *how,
               ...) PRINTF_LIKE(4, 5) MUST_CHECK;
bool setup_has_gap(const struct setup_facts *f, const char *placeholder);

/* Who the caller is: an IAM user, or the role behind an assumed-role ARN, or none of both. */
bool setup_set_principal(struct setup_facts *f, const char *caller_arn, struct err *err) MUST_CHECK;

/* What a side's role is called in IAM: of "arn:aws:iam::1:role/team/reader" the name is "reader"
 * and the path "/team/" (in path, of path_max bytes). Borrowed. */
const char *setup_role_name(const char *role_arn, char *path, size_t path_max);

/* What was asked of AWS failed: is it a fault that a person can make good in the files? If not, it
 * becomes err. */
bool setup_is_gap(const struct err *fault, struct err *err);

/* The key of --spill-kms-key, in three steps; each does nothing when there is none. The Region that
 * a load would ask, as far as it is known; may be called again when more is. */
bool setup_spill_region(struct setup_facts *f, struct err *err) MUST_CHECK;
struct aws_session;
struct aws_identity;
/* Asks for the key's ARN as the destination's identity. Errors as setup_facts_ask. */
bool setup_spill_ask(struct setup_facts *f, struct aws_session *session,
                     struct aws_identity *identity, struct err *err) MUST_CHECK;
/* The ARN as it is written, or a placeholder; after Region and caller are filled. */
bool setup_spill_fill(struct setup_facts *f, struct err *err) MUST_CHECK;

/* Who reads the side's secret: its role, else the principal. Borrowed. */
const char *setup_grantee(const struct setup_facts *f, const struct setup_side *side);
/* Do they name two accounts that differ? False also when one of them names none yet. */
bool setup_other_account(const char *arn, const char *other_arn);

#endif
