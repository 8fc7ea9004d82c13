#include "aws/arn.h"
#include "aws/call.h"
#include "aws/rds.h"
#include "cli/aws_check.h"

#include <stdio.h>
#include <string.h>

#define RDS_PREFIX "rds:"
#define FIX_MAX    700

/* "shop-cluster" of "rds:shop-cluster/shop user=loader"; false when it is none. */
static bool named_database(const struct aws_side *s, char *id, size_t size)
{
    const char *text = secret_reveal(s->text);
    if (strncmp(text, RDS_PREFIX, strlen(RDS_PREFIX)) != 0) {
        return false;
    }
    text += strlen(RDS_PREFIX);
    size_t len = strcspn(text, " \t\r\n");
    for (size_t i = len; i > 0; i--) {
        if (text[i - 1] == '/') {
            len = i - 1;
            break;
        }
    }
    (void)snprintf(id, size, "%.*s", (int)len, text);
    return true;
}

/* The name that AWS gave: what tokens are signed for, else what is dialled. */
static bool known_host(const struct aws_side *s, char host[256])
{
    const char *text = s->wish->iam_host != NULL ? s->wish->iam_host : s->host;
    (void)snprintf(host, 256, "%.*s", (int)strcspn(text, ":,"), text);
    return aws_is_rds_host(host);
}

static void add_iam(const struct aws_side *s, const struct aws_database *d)
{
    char fix[FIX_MAX];
    const char *kind = d->cluster ? "cluster" : "instance";
    struct check_note note = aws_note(s, CHECK_OK, ID_IAM, NULL);
    if (!s->wish->iam) {
        return;
    }
    if (d->iam_enabled) {
        check_add(s->list, &note, "IAM authentication is enabled on %s", d->id);
        return;
    }
    (void)snprintf(
        fix, sizeof fix,
        "aws rds modify-db-%s --db-%s-identifier %s "
        "--enable-iam-database-authentication --apply-immediately; or leave --%s-iam out",
        kind, kind, d->id, s->name);
    note = aws_note(s, CHECK_BLOCKER, ID_IAM, fix);
    check_add(s->list, &note, "IAM authentication is not enabled on the %s %s: no token lets in",
              kind, d->id);
}

static void add_database(const struct aws_side *s, const struct aws_database *d)
{
    char fix[FIX_MAX];
    const char *kind = d->cluster ? "cluster" : "instance";
    bool available = strcmp(d->status, "available") == 0;
    bool stopped = strcmp(d->status, "stopped") == 0;
    (void)snprintf(fix, sizeof fix, "aws rds start-db-%s --db-%s-identifier %s", kind, kind, d->id);
    struct check_note note = aws_note(s, available ? CHECK_OK : CHECK_WARNING, ID_DATABASE,
                                      available ? NULL
                                      : stopped ? fix
                                                : "wait until it is available");
    check_add(s->list, &note, "%s %s (%s%s), %s", kind, d->id, d->engine,
              d->limitless ? ", Limitless"
              : d->cluster ? ", not Limitless"
                           : "",
              d->status);
    add_iam(s, d);
}

/* A load asks RDS itself only for rds: names. */
static void add_unknown(struct aws_side *s, bool needed, const struct err *err)
{
    struct check_note note = aws_note(s, CHECK_WARNING, ID_DATABASE, "not needed by a load");
    if (needed) {
        aws_refuse(s, ID_DATABASE, err, "correct the name after rds:");
    } else if (err->kind != ERR_CANCELLED) {
        check_add_err(s->list, &note, err);
    }
}

static void add_missing(const struct aws_side *s, const char *host)
{
    char fix[FIX_MAX];
    (void)snprintf(fix, sizeof fix,
                   "check the name; where it is in another account or Region: --%s-role-arn, "
                   "--%s-region",
                   s->name, s->name);
    struct check_note note = aws_note(s, CHECK_WARNING, ID_DATABASE, fix);
    check_add(s->list, &note, "no cluster or instance of this account has the endpoint %s in %s",
              host, aws_caller_region(s->caller));
}

void aws_check_database(struct aws_side *s)
{
    struct aws_database d = {.cluster = false};
    char id[512];
    char host[256];
    struct err err;
    bool named = named_database(s, id, sizeof id);
    bool found = named;
    if (!named && !known_host(s, host)) {
        return;
    }
    bool ok = named ? aws_rds_find(s->caller, id, &d, &err)
                    : aws_rds_find_by_host(s->caller, host, &d, &found, &err);
    if (!ok) {
        add_unknown(s, named, &err);
    } else if (found) {
        add_database(s, &d);
    } else {
        add_missing(s, host);
    }
}
