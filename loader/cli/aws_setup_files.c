/* Which files there are. */
#include "cli/aws_setup_files.h"

#include <stdio.h>
#include <string.h>

void setup_files_free(struct setup_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        buf_free(&files->items[i].text);
    }
    files->count = 0;
}

/* The next file; it counts as one of them from now on, so that it is freed. */
static struct buf *next(struct setup_files *files, const char *before, const char *side,
                        const char *after, const char *about)
{
    struct setup_file *file = &files->items[files->count++];
    (void)snprintf(file->name, sizeof file->name, "%s%s%s", before, side, after);
    file->about = about;
    file->program = false;
    buf_init(&file->text, SETUP_FILE_MAX);
    return &file->text;
}

static bool make_side(const struct setup_facts *f, const struct setup_side *side,
                      struct setup_files *out, struct err *err)
{
    const char *name = side->name;

    if (side->auth->role_arn != NULL &&
        !(setup_role_trust(f, side,
                           next(out, "role-", name, "-trust.json",
                                "who may assume the role in the database's account"),
                           err) &&
          setup_role_policy(f, side,
                            next(out, "role-", name, "-policy.json",
                                 "what that role may do: its secret, its key, its logins"),
                            err))) {
        return false;
    }
    if (setup_wants_secret_policy(f, side) &&
        !setup_secret_policy(f, side,
                             next(out, "secret-policy-", name, ".json",
                                  "resource policy of the secret, for a reader of another account"),
                             err)) {
        return false;
    }
    return !setup_wants_key_policy(side) ||
           setup_key_policy(f, side,
                            next(out, "key-policy-", name, ".json",
                                 "statements for the key's policy, where IAM policies are not "
                                 "enough"),
                            err);
}

static bool make_spill(const struct setup_facts *f, struct setup_files *out, struct err *err)
{
    return f->sides[SETUP_DESTINATION].spill_key == NULL ||
           setup_spill_key_policy(f,
                                  next(out, "key-policy-spill.json", "", "",
                                       "a statement for the policy of the spill's key, where IAM "
                                       "policies are not enough"),
                                  err);
}

static bool make_utility(const struct setup_facts *f, struct setup_files *out, struct err *err)
{
    return setup_utility_trust(next(out, "role-utility-trust.json", "", "",
                                    "AWS's loading utility: who may assume its role"),
                               err) &&
           setup_utility_policy(f,
                                next(out, "role-utility-policy.json", "", "",
                                     "AWS's loading utility: what its role may do"),
                                err) &&
           setup_utility_key_policy(f,
                                    next(out, "key-policy-utility.json", "", "",
                                         "AWS's loading utility: the whole policy of a key of its "
                                         "own"),
                                    err);
}

static void make_texts(const struct setup_facts *f, struct setup_files *out)
{
    setup_sql(f, &f->sides[SETUP_SOURCE],
              next(out, "source.sql", "", "", "the database role that reads"));
    setup_sql(
        f, &f->sides[SETUP_DESTINATION],
        next(out, "destination.sql", "", "", "the database role that writes, and the ledger"));
    setup_apply(f, next(out, "apply.sh", "", "", "applies the JSON files with awscli"));
    out->items[out->count - 1].program = true;
    setup_cleanup(f, next(out, "cleanup.sh", "", "", "takes back what apply.sh made"));
    out->items[out->count - 1].program = true;
    setup_readme(f, out, next(out, "README.md", "", "", "this page"));
}

bool setup_files_make(const struct setup_facts *f, struct setup_files *out, struct err *err)
{
    if (setup_wants_policy(f) &&
        !setup_policy_sluice(
            f, next(out, "policy-sluice.json", "", "", "what Sluice's own role or user may do"),
            err)) {
        return false;
    }
    if (!make_side(f, &f->sides[SETUP_SOURCE], out, err) ||
        !make_side(f, &f->sides[SETUP_DESTINATION], out, err) || !make_spill(f, out, err) ||
        (f->utility && !make_utility(f, out, err))) {
        return false;
    }
    make_texts(f, out);
    for (size_t i = 0; i < out->count; i++) {
        if (!buf_ok(&out->items[i].text, err)) {
            return false;
        }
    }
    return true;
}
