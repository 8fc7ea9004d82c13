#include "base/cleanup.h"
#include "base/str.h"
#include "job/auth_internal.h"

#include "aws/arn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define RDS_PREFIX   "rds:"
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt" /* Debian's and Ubuntu's place */

/* ---- rds:ID/dbname keyword=value ... ---- */

static bool split_rds(const char *text, const char *side, char id[256], char dbname[256],
                      struct err *err)
{
    size_t len = strcspn(text, " \t\r\n");
    size_t name = len;
    for (size_t i = 0; i < len; i++) {
        name = text[i] == '/' ? i : name;
    }
    size_t db_len = name < len ? len - name - 1 : 0;
    if (name == 0 || name >= 256 || db_len >= 256) {
        return err_set(err, ERR_USAGE,
                       "--%s: after rds: comes the identifier or ARN of a cluster or instance, and "
                       "/DATABASE, as in \"rds:shop-cluster/shop user=loader\"",
                       side);
    }
    (void)snprintf(id, 256, "%.*s", (int)name, text);
    (void)snprintf(dbname, 256, "%.*s", (int)db_len, text + len - db_len);
    return true;
}

static bool use_database(struct auth_party *p, const struct aws_database *d, struct err *err)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", d->port);
    if (d->endpoint[0] == '\0') {
        return err_set(err, ERR_USAGE, "the %s %s (%s) has no endpoint yet; its status is \"%s\"",
                       d->cluster ? "cluster" : "instance", d->id, p->name, d->status);
    }
    p->database = *d;
    return (conninfo_given(p->base, "host") != NULL ||
            conninfo_set(p->base, "host", d->endpoint, err)) &&
           (conninfo_given(p->base, "port") != NULL || conninfo_set(p->base, "port", port, err));
}

static bool find_database(struct auth_party *p, const char *id, struct err *err)
{
    struct aws_database d = {.cluster = false};
    struct aws_caller caller = auth_party_caller(p, NULL);
    return (aws_rds_find(&caller, id, &d, err) && use_database(p, &d, err)) ||
           err_wrap(err, "--%s", p->name);
}

static bool set_dbname(struct auth_party *p, const char *dbname, struct err *err)
{
    const char *other = conninfo_given(p->base, "dbname");
    if (dbname[0] != '\0' && other != NULL && strcmp(dbname, other) != 0) {
        return err_set(err, ERR_USAGE,
                       "--%s names two databases, \"%.63s\" after the slash and dbname=%.63s",
                       p->name, dbname, other);
    }
    return dbname[0] == '\0' || conninfo_set(p->base, "dbname", dbname, err);
}

static bool parse_rds(struct auth_party *p, const struct secret *text, struct err *err)
{
    char id[256] = "";
    char dbname[256] = "";
    const char *at = secret_reveal(text) + strlen(RDS_PREFIX);
    CLEANUP(secret_free) struct secret rest = {0};
    if (!split_rds(at, p->name, id, dbname, err)) {
        return false;
    }
    at += strcspn(at, " \t\r\n");
    at += strspn(at, " \t\r\n");
    return secret_set(&rest, at, err) && conninfo_parse(&rest, p->name, &p->base, err) &&
           set_dbname(p, dbname, err) && find_database(p, id, err);
}

/* ---- what a secret fills in ---- */

static bool fill(struct conninfo *c, const char *keyword, const char *value, struct err *err)
{
    return value[0] == '\0' || conninfo_given(c, keyword) != NULL ||
           conninfo_set(c, keyword, value, err);
}

/* A service file says where the server is; the secret then gives user and password only. */
static bool fill_from_secret(struct auth_party *p, struct err *err)
{
    struct secret_body body = {.host = ""};
    if (!auth_secret_first(p, &body, err)) {
        return false;
    }
    bool ok = true;
    if (conninfo_given(p->base, "service") == NULL) {
        ok = fill(p->base, "host", body.host, err) && fill(p->base, "port", body.port, err) &&
             fill(p->base, "dbname", body.dbname, err);
        if (ok && conninfo_given(p->base, "host") == NULL && body.database_id[0] != '\0') {
            ok = find_database(p, body.database_id, err);
        }
    }
    /* Without a password login, the user is all that is left to take. */
    ok = ok && (!p->wish->iam || fill(p->base, "user", secret_reveal(&body.user), err));
    secret_body_free(&body);
    return ok;
}

/* ---- TLS ---- */

static bool is_strong(const char *sslmode)
{
    return strcmp(sslmode, "require") == 0 || strcmp(sslmode, "verify-ca") == 0 ||
           strcmp(sslmode, "verify-full") == 0;
}

/* libpq's own place for roots is looked at before the system's. */
static bool default_roots(struct auth_party *p, struct err *err)
{
    const char *user_roots = p->auth->spec->user_roots;
    bool has_own = user_roots != NULL && access(user_roots, F_OK) == 0;
    if (conninfo_effective(p->base, "sslrootcert")[0] != '\0' || has_own ||
        access(SYSTEM_ROOTS, R_OK) != 0) {
        return true;
    }
    return conninfo_set(p->base, "sslrootcert", SYSTEM_ROOTS, err);
}

/* One of several is enough: each of them may be the one that gets the password. */
static bool has_rds_host(const char *hosts)
{
    char host[256];
    for (const char *p = hosts; *p != '\0'; p += *p == ',') {
        size_t len = strcspn(p, ",");
        (void)snprintf(host, sizeof host, "%.*s", (int)len, p);
        if (len < sizeof host && aws_is_rds_host(host)) {
            return true;
        }
        p += len;
    }
    return false;
}

static bool secure(struct auth_party *p, struct err *err)
{
    const char *mode = conninfo_effective(p->base, "sslmode");
    bool said = conninfo_given(p->base, "sslmode") != NULL || strcmp(mode, "prefer") != 0;
    bool checked = p->wish->iam || p->wish->ca_file != NULL ||
                   has_rds_host(conninfo_effective(p->base, "host"));

    if (p->wish->ca_file != NULL) {
        if (access(p->wish->ca_file, R_OK) != 0) {
            return err_set(err, ERR_USAGE, "--%s-ca: cannot read \"%.300s\"", p->name,
                           p->wish->ca_file);
        }
        if (said && !is_strong(mode)) {
            return err_set(err, ERR_USAGE,
                           "--%s-ca is about certificates, and sslmode=%s does not insist on one; "
                           "leave sslmode out (verify-full), or choose verify-ca",
                           p->name, mode);
        }
        if (!conninfo_set(p->base, "sslrootcert", p->wish->ca_file, err)) {
            return false;
        }
    }
    if (p->wish->iam && said && !is_strong(mode)) {
        return err_set(err, ERR_USAGE,
                       "--%s-iam: a token is never sent without TLS, and sslmode=%s would allow "
                       "that; leave sslmode out (verify-full), or choose verify-ca or require",
                       p->name, mode);
    }
    /* GSS encryption would be tried first, and is not the TLS that a token needs. */
    if (p->wish->iam && !conninfo_set(p->base, "gssencmode", "disable", err)) {
        return false;
    }
    if (!checked || said) {
        return true;
    }
    return conninfo_set(p->base, "sslmode", "verify-full", err) && default_roots(p, err);
}

/* ---- all of it ---- */

/* Region: the option, then variables and profile, then the host's name. */
static void choose_region(struct auth_party *p)
{
    const char *known = p->wish->region != NULL ? p->wish->region
                        : p->auth->aws_open     ? p->auth->session.settings.region
                                                : "";
    (void)snprintf(p->region, sizeof p->region, "%s", known);
    if (p->region[0] == '\0' && p->wish->iam_host != NULL) {
        (void)aws_region_of_host(p->wish->iam_host, p->region);
    }
    if (p->region[0] == '\0' && p->base != NULL) {
        (void)aws_region_of_host(conninfo_effective(p->base, "host"), p->region);
    }
}

static bool is_rds_name(const struct secret *text)
{
    return strncmp(secret_reveal(text), RDS_PREFIX, strlen(RDS_PREFIX)) == 0;
}

bool auth_wants_aws(const struct side_auth *wish, const struct secret *text)
{
    return wish->secret != NULL || wish->iam || wish->role_arn != NULL ||
           wish->password_kms != NULL || is_rds_name(text);
}

bool auth_base_make(struct auth_party *p, const struct secret *text, struct err *err)
{
    choose_region(p);
    bool ok =
        is_rds_name(text) ? parse_rds(p, text, err) : conninfo_parse(text, p->name, &p->base, err);
    if (!ok) {
        return false;
    }
    choose_region(p);
    const struct secret *fallback = &p->auth->spec->password;
    if (conninfo_effective(p->base, "password")[0] == '\0' && secret_is_set(fallback) &&
        !conninfo_set(p->base, "password", secret_reveal(fallback), err)) {
        return false;
    }
    if (p->wish->secret != NULL && !fill_from_secret(p, err)) {
        return false;
    }
    choose_region(p);
    return secure(p, err) && (!p->wish->iam || auth_iam_open(p, err));
}
