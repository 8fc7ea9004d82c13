/* The database roles: print_sql's, and a login that is a member of them. */
#include "cli/aws_setup_files.h"
#include "cli/print_sql.h"
#include "pg/pg.h"

#include <string.h>

static const char source_head[] = "\n-- On the source\n";
static const char destination_head[] = "\n-- On the destination\n";

/* One side's part of print_sql's text, without its head. */
static void add_part(const struct setup_facts *f, const struct setup_side *side, struct buf *out)
{
    struct buf all;

    buf_init(&all, BUF_SQL_MAX);
    print_sql(f->spec, &all);
    const char *text = buf_str(&all);
    const char *source = strstr(text, source_head);
    const char *destination = strstr(text, destination_head);
    if (all.failed || source == NULL || destination == NULL) {
        out->failed = true;
    } else if (strcmp(side->name, "source") == 0) {
        source += strlen(source_head);
        buf_add(out, source, (size_t)(destination - source));
        buf_puts(out, "\n");
    } else {
        buf_puts(out, destination + strlen(destination_head));
    }
    buf_free(&all);
}

static void add_member(const struct setup_side *side, struct buf *out)
{
    buf_puts(out, "\n-- The role that logs in. It gets these rights as a member; leave the first "
                  "statement\n-- out if the role is there already.\nCREATE ROLE ");
    pg_add_ident(out, side->user);
    buf_printf(out, " LOGIN;\nGRANT %s TO ", side->group);
    pg_add_ident(out, side->user);
    buf_puts(out, ";\n");
}

static void add_login(const struct setup_side *side, struct buf *out)
{
    if (side->auth->iam) {
        buf_puts(out, "\n-- It logs in with an IAM token. From here on a password of this role is "
                      "not taken any more.\nGRANT rds_iam TO ");
        pg_add_ident(out, side->user);
        buf_puts(out, ";\n");
        return;
    }
    buf_puts(out, "\n-- Give it a password in psql, which asks for it and sends only its hash:\n"
                  "--   \\password ");
    pg_add_ident(out, side->user);
    buf_puts(out, "\n");
    if (side->auth->secret != NULL) {
        buf_puts(out, "-- The same user and password belong into the secret.\n");
    }
}

void setup_sql(const struct setup_facts *f, const struct setup_side *side, struct buf *out)
{
    buf_printf(out,
               "-- Made by \"sluice aws setup\". Look through it, then run it as an administrator "
               "of the %s,\n-- in the database to load%s%s:\n"
               "--   psql -v ON_ERROR_STOP=1 -1 -f %s.sql \"host=... dbname=... user=...\"\n",
               side->name, side->database[0] == '\0' ? "" : ", ", side->database, side->name);
    if (strcmp(side->name, "destination") == 0 && f->spec->mode != MODE_TRUNCATE) {
        buf_puts(out,
                 "-- For loads with --mode truncate, TRUNCATE is needed as well: \"sluice load "
                 "--print-sql\n-- --mode truncate\" has it.\n");
    }
    buf_puts(out, "\n");
    add_part(f, side, out);
    if (strcmp(side->user, side->group) != 0) {
        add_member(side, out);
    }
    add_login(side, out);
}
