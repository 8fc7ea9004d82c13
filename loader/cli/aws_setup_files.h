/*
 * aws_setup_files.h: the files of "sluice aws setup", made from facts. Pure: nobody is asked,
 * nothing is written. JSON comes from jansson; names are quoted for where they stand (ARN, SQL,
 * shell). Facts are as setup_facts_fill left them.
 */
#ifndef CLI_AWS_SETUP_FILES_H
#define CLI_AWS_SETUP_FILES_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/aws_setup_facts.h"

#include <stdbool.h>
#include <stddef.h>

#define SETUP_FILE_MAX  (1u << 20)
#define SETUP_FILES_MAX 20

struct setup_file {
    char name[64];
    const char *about; /* one line for the README; static */
    bool program;      /* to be executable */
    struct buf text;
};

struct setup_files {
    struct setup_file items[SETUP_FILES_MAX];
    size_t count;
};

/* All of them, README.md last. Zeroed before; freed by the caller also after a failure. ERR_SYSTEM
 * without memory. */
bool setup_files_make(const struct setup_facts *f, struct setup_files *out,
                      struct err *err) MUST_CHECK;
void setup_files_free(struct setup_files *files); /* zeroed is allowed */

/* Makes the directory (0700, it must not exist) and the files in it; takes away what it made when
 * one fails. ERR_USAGE when it exists, ERR_SYSTEM. */
bool setup_files_write(const struct setup_files *files, const char *directory,
                       struct err *err) MUST_CHECK;

/* ---- one text each; ERR_SYSTEM without memory ---- */

/* Is the policy, role or statement wanted at all? */
bool setup_wants_policy(const struct setup_facts *f);
bool setup_wants_key_policy(const struct setup_side *side);
/* The secret belongs to another account than who reads it. */
bool setup_wants_secret_policy(const struct setup_facts *f, const struct setup_side *side);

bool setup_policy_sluice(const struct setup_facts *f, struct buf *out, struct err *err) MUST_CHECK;
bool setup_role_trust(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                      struct err *err) MUST_CHECK;
bool setup_role_policy(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                       struct err *err) MUST_CHECK;
/* An array of statements, to be added to the key's policy. */
bool setup_key_policy(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                      struct err *err) MUST_CHECK;
/* Likewise for the key of --spill-kms-key, which is not to have what other keys need. */
bool setup_spill_key_policy(const struct setup_facts *f, struct buf *out,
                            struct err *err) MUST_CHECK;
bool setup_secret_policy(const struct setup_facts *f, const struct setup_side *side,
                         struct buf *out, struct err *err) MUST_CHECK;

/* AWS's own loading utility. apply.sh puts a key's ARN in the place of this word when no customer
 * key is known. */
#define SETUP_UTILITY_ROLE "sluice-aurora-data-loader"
#define SETUP_UTILITY_KEY  "UTILITY_KEY_ARN"
bool setup_utility_needs_key(const struct setup_facts *f);
bool setup_utility_trust(struct buf *out, struct err *err) MUST_CHECK;
bool setup_utility_policy(const struct setup_facts *f, struct buf *out, struct err *err) MUST_CHECK;
bool setup_utility_key_policy(const struct setup_facts *f, struct buf *out,
                              struct err *err) MUST_CHECK;

void setup_sql(const struct setup_facts *f, const struct setup_side *side, struct buf *out);
void setup_apply(const struct setup_facts *f, struct buf *out);
void setup_cleanup(const struct setup_facts *f, struct buf *out);
/* Names every file of files and every gap. */
void setup_readme(const struct setup_facts *f, const struct setup_files *files, struct buf *out);

/* Text as one word of a shell, in single quotes. */
void setup_shell_word(struct buf *out, const char *text);

#endif
