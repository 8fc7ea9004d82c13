/* README.md: what each file is, in which order, and what is still to be filled in. */
#include "cli/aws_setup_files.h"

#include <string.h>

static void add_files(const struct setup_files *files, struct buf *out)
{
    buf_puts(out, "## Files\n\n| file | what it is |\n|---|---|\n");
    for (size_t i = 0; i < files->count; i++) {
        buf_printf(out, "| `%s` | %s |\n", files->items[i].name, files->items[i].about);
    }
}

static void add_gaps(const struct setup_facts *f, struct buf *out)
{
    bool placeholders = false;

    if (f->gap_count == 0) {
        return;
    }
    buf_puts(out, "\n## To do first\n\n");
    for (size_t i = 0; i < f->gap_count; i++) {
        const struct setup_gap *g = &f->gaps[i];
        placeholders = placeholders || g->placeholder[0] != '\0';
        if (g->placeholder[0] == '\0') {
            buf_printf(out, "- %s\n", g->how);
        } else {
            buf_printf(out, "- `%s`: %s\n", g->placeholder, g->how);
        }
    }
    if (placeholders) {
        buf_puts(out, "\nA word in capitals stands for what was not found out. Replace it in all "
                      "files at once:\n\n```sh\nsed -i 's/ACCOUNT_ID/111122223333/g' *.json "
                      "*.sh\n```\n\n`apply.sh` refuses to start while one is left.\n");
    }
}

static void add_who(const struct setup_facts *f, struct buf *out)
{
    buf_printf(out,
               "\n## Who\n\nSluice is taken to run as `%s`. For another role or user, run `sluice "
               "aws setup` as that one\n(`--aws-profile`), or replace the ARN here and set "
               "`PRINCIPAL` for `apply.sh`. If the role has a\npath, add it: a session does not "
               "show it. Roles of IAM Identity Center (`AWSReservedSSO_...`)\ncannot be changed by "
               "`apply.sh`; put `policy-sluice.json` into their permission set.\n",
               f->principal);
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        buf_printf(out, "\nThe %s logs in as database role `%s`%s%s.%s", side->name, side->user,
                   side->auth->iam            ? " with an IAM token"
                   : side->secret_arn != NULL ? " with the password of its secret"
                   : side->file_key != NULL   ? " with a password under KMS"
                                              : " with a password",
                   side->auth->role_arn != NULL ? ", through a role of its account" : "",
                   side->user_guessed && side->auth->secret != NULL
                       ? " If its secret names another user, change the SQL and the policies."
                       : "");
        buf_puts(out, "\n");
    }
}

static void add_spill(const struct setup_facts *f, struct buf *out)
{
    const struct setup_side *side = &f->sides[SETUP_DESTINATION];

    if (side->spill_key == NULL) {
        return;
    }
    buf_printf(out,
               "\nRows that wait on disk (`--release-source early`) are under KMS key `%s`.\n"
               "`%s`, who Sluice is on the destination's side, makes a data key with it, and gets "
               "it back to go\non after a crash; only with the encryption context `sluice-job`, "
               "the job's name. To allow one job\nonly, write its name (`--job`) in the place of "
               "the `*` of that condition. Keep the key enabled as long\nas a job is not done: "
               "without it the rows on disk are lost.\n",
               side->spill_key, setup_grantee(f, side));
}

static void add_order(const struct setup_facts *f, struct buf *out)
{
    bool token = f->sides[SETUP_SOURCE].auth->iam || f->sides[SETUP_DESTINATION].auth->iam;

    buf_puts(out, "\n## In this order\n\n"
                  "1. Read the policies. Nothing has been applied yet.\n"
                  "2. As an administrator of each database: `source.sql`, `destination.sql`, with "
                  "psql.\n");
    buf_puts(out, token ? "3. Turn on IAM database authentication for each database that takes "
                          "tokens:\n\n   ```sh\n   aws rds modify-db-cluster "
                          "--db-cluster-identifier NAME \\\n       "
                          "--enable-iam-database-authentication --apply-immediately\n   ```\n\n"
                        : "3. Make sure that user and password of each secret are those of the "
                          "database.\n");
    buf_puts(
        out,
        "4. As an administrator in AWS: `./apply.sh`. It needs awscli, and jq where it changes "
        "a key's policy.\n   For a secret that is not there yet:\n\n"
        "   ```sh\n   SOURCE_SECRET_FILE=/dev/fd/3 ./apply.sh 3< source-secret.json\n   "
        "```\n\n"
        "5. `sluice check` with the options of the load. New policies can take a minute to "
        "work.\n\n"
        "`cleanup.sh` takes back what `apply.sh` made: role policies and roles, then secrets "
        "(they can be\nrestored for 30 days, or RECOVERY_DAYS), then the key (it goes after 7 "
        "days). What was there before\nstays.\n");
}

static void add_utility(const struct setup_facts *f, struct buf *out)
{
    if (!f->utility) {
        return;
    }
    buf_puts(out,
             "\n## AWS's own loading utility\n\n"
             "Its role is `" SETUP_UTILITY_ROLE
             "`. The service takes only a role that has the tag\n"
             "`assumer=aurora_limitless_table_data_load`; do not remove it. Both secrets hold "
             "`username` and\n`password` only. Its two database users are asked to be "
             "rds_superuser; Sluice's are not, so use\nothers. The permissions on network "
             "interfaces are for the service, which reaches into your VPC from\noutside; Sluice "
             "does not need them.\n");
}

void setup_readme(const struct setup_facts *f, const struct setup_files *files, struct buf *out)
{
    buf_puts(out, "# What Sluice needs in AWS and in both databases\n\nMade by `sluice aws setup`, "
                  "to be looked through and then applied.\n\n");
    add_files(files, out);
    add_gaps(f, out);
    add_who(f, out);
    add_spill(f, out);
    add_order(f, out);
    add_utility(f, out);
}
