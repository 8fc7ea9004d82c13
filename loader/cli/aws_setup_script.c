/* The two scripts: fixed functions, then one line for each thing to do. */
#include "aws/arn.h"
#include "cli/aws_setup_files.h"
#include "cli/aws_setup_shell.h"

#include <stdio.h>
#include <string.h>

void setup_shell_word(struct buf *out, const char *text)
{
    buf_puts(out, "'");
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_puts(out, "'\\''");
        } else {
            buf_add(out, text, 1);
        }
    }
    buf_puts(out, "'");
}

static void add_lines(struct buf *out, const char *const *lines)
{
    for (size_t i = 0; lines[i] != NULL; i++) {
        buf_printf(out, "%s\n", lines[i]);
    }
    buf_puts(out, "\n");
}

/* A line of a function's name and quoted words; the list ends with NULL. */
static void add_call(struct buf *out, const char *function, const char *const *words)
{
    buf_puts(out, function);
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_puts(out, " ");
        setup_shell_word(out, words[i]);
    }
    buf_puts(out, "\n");
}

/* The word is cut in two, so that whoever replaces placeholders in all files leaves this alone. */
static void add_placeholders(const struct setup_facts *f, struct buf *out)
{
    for (size_t i = 0; i < f->gap_count; i++) {
        const char *p = f->gaps[i].placeholder;
        if (p[0] != '\0') {
            buf_printf(out, "need_filled %.2s'%s'\n", p, p + 2);
        }
    }
}

static bool is_key(const char *key)
{
    return key != NULL && strchr(key, '*') == NULL;
}

static const char *secret_account(const struct setup_side *side, struct aws_arn *arn)
{
    struct err ignored;
    return aws_arn_parse(side->secret_arn, "", arn, &ignored) ? arn->account : side->account;
}

static bool is_of_account(const struct setup_side *side, const char *account)
{
    struct aws_arn arn;
    if (side->auth->role_arn != NULL) {
        return strcmp(side->account, account) == 0;
    }
    return side->secret_arn != NULL && strcmp(secret_account(side, &arn), account) == 0;
}

/* An alias's ARN says no key, but its account. */
static const char *spill_arn(const struct setup_facts *f, const struct setup_side *side)
{
    return aws_is_arn(side->spill_key) ? side->spill_key : f->spec->spill_kms_key;
}

/* Whose profile changes the policy of the spill's key: only its own account may, which is that of
 * whoever asks when no ARN says another one. */
static const char *spill_profile(const struct setup_facts *f, const struct setup_side *side,
                                 struct aws_arn *key)
{
    struct err ignored;
    if (!aws_arn_parse(spill_arn(f, side), "", key, &ignored)) {
        return side->auth->role_arn != NULL ? side->name : "sluice";
    }
    if (is_of_account(side, key->account)) {
        return side->name;
    }
    return setup_other_account(spill_arn(f, side), f->principal) ? "spill" : "sluice";
}

static void add_accounts(const struct setup_facts *f, struct buf *out)
{
    add_call(out, "check_account", (const char *[]){"sluice", f->account, NULL});
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        struct aws_arn arn;
        if (side->auth->role_arn != NULL) {
            add_call(out, "check_account", (const char *[]){side->name, side->account, NULL});
        } else if (side->secret_arn != NULL) {
            add_call(out, "check_account",
                     (const char *[]){side->name, secret_account(side, &arn), NULL});
        }
    }
    const struct setup_side *side = &f->sides[SETUP_DESTINATION];
    struct aws_arn key;
    if (side->spill_key != NULL && strcmp(spill_profile(f, side, &key), "spill") == 0) {
        add_call(out, "check_account", (const char *[]){"spill", key.account, NULL});
    }
}

static void file_name(char *out, size_t max, const char *before, const char *side,
                      const char *after)
{
    (void)snprintf(out, max, "%s%s%s", before, side, after);
}

static void apply_role(const struct setup_side *side, struct buf *out)
{
    char path[512];
    char trust[64];
    char policy[64];
    const char *role = setup_role_name(side->auth->role_arn, path, sizeof path);

    file_name(trust, sizeof trust, "role-", side->name, "-trust.json");
    file_name(policy, sizeof policy, "role-", side->name, "-policy.json");
    add_call(out, "make_role", (const char *[]){side->name, role, path, trust, NULL});
    add_call(out, "put_role_policy",
             (const char *[]){side->name, role, "sluice-load", policy, NULL});
}

static void apply_secret(const struct setup_facts *f, const struct setup_side *side,
                         struct buf *out)
{
    char file[64];

    add_call(out, "make_secret",
             (const char *[]){side->name, side->auth->secret, side->region,
                              f->utility && setup_utility_needs_key(f) ? "utility" : "", NULL});
    if (setup_wants_secret_policy(f, side)) {
        file_name(file, sizeof file, "secret-policy-", side->name, ".json");
        add_call(out, "put_secret_policy",
                 (const char *[]){side->name, side->auth->secret, side->region, file, NULL});
    }
}

static void apply_key(const struct setup_facts *f, const struct setup_side *side, struct buf *out)
{
    const char *grantee = setup_grantee(f, side);
    const char *keys[] = {side->secret_key, side->file_key};
    char file[64];

    file_name(file, sizeof file, "key-policy-", side->name, ".json");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!is_key(keys[i])) {
            continue;
        }
        bool foreign = setup_other_account(keys[i], grantee);
        add_call(out, "add_key_policy",
                 (const char *[]){side->name, keys[i], side->region, file,
                                  foreign ? "other account" : "", NULL});
    }
}

static void apply_spill_key(const struct setup_facts *f, struct buf *out)
{
    const struct setup_side *side = &f->sides[SETUP_DESTINATION];
    struct aws_arn arn;

    if (side->spill_key == NULL) {
        return;
    }
    buf_puts(out, "\nsay \"The spill's key\"\n");
    bool foreign = setup_other_account(spill_arn(f, side), setup_grantee(f, side));
    add_call(out, "add_key_policy",
             (const char *[]){spill_profile(f, side, &arn), side->spill_key, side->spill_region,
                              "key-policy-spill.json", foreign ? "other account" : "", NULL});
}

static void apply_utility(const struct setup_facts *f, struct buf *out)
{
    buf_puts(out, "\nsay \"AWS's own loading utility\"\n");
    add_call(out, "make_utility_role",
             (const char *[]){SETUP_UTILITY_ROLE, "role-utility-trust.json", NULL});
    if (setup_utility_needs_key(f)) {
        add_call(out, "make_utility_key",
                 (const char *[]){f->region, "key-policy-utility.json", NULL});
    }
    add_call(out, "put_utility_policy",
             (const char *[]){SETUP_UTILITY_ROLE, "aurora-limitless-data-load-policy",
                              "role-utility-policy.json", NULL});
}

void setup_apply(const struct setup_facts *f, struct buf *out)
{
    add_lines(out, setup_apply_head);
    add_lines(out, setup_shell_common);
    add_lines(out, setup_apply_functions);
    buf_puts(out, "PRINCIPAL=${PRINCIPAL:-");
    setup_shell_word(out, f->principal_name);
    buf_puts(out, "}\n\n");
    add_placeholders(f, out);
    if (setup_wants_policy(f)) {
        buf_puts(out, "check_principal\n");
    }
    add_accounts(f, out);
    if (f->utility) {
        apply_utility(f, out);
    }
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        buf_printf(out, "\nsay \"The %s\"\n", side->name);
        if (side->auth->role_arn != NULL) {
            apply_role(side, out);
        }
        if (side->secret_arn != NULL) {
            apply_secret(f, side, out);
        }
        apply_key(f, side, out);
    }
    apply_spill_key(f, out);
    if (setup_wants_policy(f)) {
        buf_puts(out, "\nsay \"Sluice itself\"\n");
        add_call(out, "put_principal_policy",
                 (const char *[]){"sluice-load", "policy-sluice.json", NULL});
    }
    buf_puts(out, "\nsay \"Done. cleanup.sh takes back what made.txt lists.\"\n");
}

void setup_cleanup(const struct setup_facts *f, struct buf *out)
{
    char path[512];

    add_lines(out, setup_cleanup_head);
    add_lines(out, setup_shell_common);
    add_lines(out, setup_cleanup_functions);
    buf_puts(out, "# Roles and their policies first: nobody uses what comes after any more.\n"
                  "drop_principal_policy sluice-load\n");
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        if (side->auth->role_arn != NULL) {
            const char *role = setup_role_name(side->auth->role_arn, path, sizeof path);
            add_call(out, "drop_role", (const char *[]){side->name, role, "sluice-load", NULL});
        }
    }
    if (f->utility) {
        add_call(out, "drop_role",
                 (const char *[]){"utility", SETUP_UTILITY_ROLE,
                                  "aurora-limitless-data-load-policy", NULL});
    }
    buf_puts(out, "\n# Then secrets, which can be restored for a while.\n");
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        if (side->secret_arn != NULL) {
            add_call(out, "drop_secret",
                     (const char *[]){side->name, side->auth->secret, side->region, NULL});
        }
    }
    buf_puts(out, "\n# The key last: whatever it encrypted is lost with it.\n");
    add_call(out, "drop_key", (const char *[]){f->region, NULL});
    buf_puts(out, "\nsay \"Done. Policies of keys and secrets that were there before stay as they "
                  "are.\"\n");
}
