/* What the options say, before anything is asked. */
#include "aws/arn.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/aws_setup_facts.h"
#include "pg/conninfo.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RDS_PREFIX "rds:"
#define BLANKS     " \t\r\n"

/* The files are made of lines: what would end one cannot be in a name. */
static bool check_name(const struct setup_side *side, const char *what, const char *text,
                       struct err *err)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            return err_set(err, ERR_USAGE, "--%s: the %s has a control character in it", side->name,
                           what);
        }
    }
    json_t *utf8 = json_string(text); /* what is not UTF-8 cannot stand in a policy */
    json_decref(utf8);
    return utf8 != NULL || err_set(err, ERR_USAGE, "--%s: the %s is not UTF-8", side->name, what);
}

/* "rds:IDENTIFIER/DATABASE keyword=value ...": the first word is not libpq's. */
static bool take_rds_name(struct setup_side *side, const char *text, struct secret *rest,
                          struct err *err)
{
    const char *name = text + strlen(RDS_PREFIX);
    size_t word = strcspn(name, BLANKS);
    char part[1024];

    if (word >= sizeof part) {
        return err_set(err, ERR_USAGE, "--%s: the rds: name is too long", side->name);
    }
    (void)snprintf(part, sizeof part, "%.*s", (int)word, name);
    char *slash = strrchr(part, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    const char *database = slash == NULL ? "" : slash + 1;
    return check_name(side, "rds: name", part, err) && setup_set(&side->identifier, part, err) &&
           check_name(side, "database", database, err) &&
           setup_set(&side->database, database, err) && secret_set(rest, name + word, err);
}

static bool keep_name(const struct setup_side *side, const char *what, const char *text,
                      char **slot, struct err *err)
{
    return check_name(side, what, text, err) && setup_set(slot, text, err);
}

static bool read_conninfo(const struct secret *given, struct setup_side *side, struct err *err)
{
    CLEANUP(secret_free) struct secret rest = {.bytes = NULL};
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    const char *text = secret_reveal(given);

    bool rds = strncmp(text, RDS_PREFIX, strlen(RDS_PREFIX)) == 0;
    if (!(rds ? take_rds_name(side, text, &rest, err) : secret_set(&rest, text, err)) ||
        !conninfo_parse(&rest, side->name, &c, err)) {
        return false;
    }
    /* A secret may say the user where the string does not; its value is not read here. */
    const char *user =
        side->auth->secret != NULL ? conninfo_given(c, "user") : conninfo_effective(c, "user");
    const char *database = conninfo_effective(c, "dbname");
    side->user_guessed = user == NULL || user[0] == '\0';
    return (rds || keep_name(side, "host", conninfo_effective(c, "host"), &side->host, err)) &&
           (side->database[0] != '\0' ||
            keep_name(side, "database", database == NULL ? "" : database, &side->database, err)) &&
           keep_name(side, "user", side->user_guessed ? side->group : user, &side->user, err);
}

/* A token's host goes before the one that is dialled; its port does not matter here. */
static bool read_iam_host(struct setup_side *side, struct err *err)
{
    const char *text = side->auth->iam_host;
    char host[512];

    if (text == NULL) {
        return true;
    }
    const char *colon = strrchr(text, ':');
    (void)snprintf(host, sizeof host, "%.*s",
                   colon == NULL ? (int)strnlen(text, sizeof host) : (int)(colon - text), text);
    return setup_set(&side->host, host, err);
}

static bool empty_side(struct setup_side *side, struct err *err)
{
    return setup_set(&side->identifier, "", err) && setup_set(&side->host, "", err) &&
           setup_set(&side->database, "", err) && setup_set(&side->user, side->group, err) &&
           setup_set(&side->region, "", err) && setup_set(&side->account, "", err) &&
           setup_set(&side->resource_id, "", err);
}

/* What is written in the names: ARNs carry accounts and Regions. */
static bool read_arns(struct setup_side *side, struct err *err)
{
    char region[AWS_REGION_MAX] = "";
    struct aws_arn arn;

    if (side->auth->role_arn != NULL) {
        if (!aws_arn_parse(side->auth->role_arn, "the role", &arn, err) ||
            !setup_set(&side->account, arn.account, err)) {
            return false;
        }
    }
    if (aws_is_arn(side->identifier)) {
        if (!aws_arn_parse(side->identifier, "the rds: name", &arn, err) ||
            !setup_set(&side->account, arn.account, err)) {
            return false;
        }
        (void)snprintf(region, sizeof region, "%s", arn.region);
    }
    if (side->auth->region != NULL) {
        (void)snprintf(region, sizeof region, "%s", side->auth->region);
    } else if (region[0] == '\0' && side->auth->secret != NULL && aws_is_arn(side->auth->secret)) {
        if (!aws_arn_parse(side->auth->secret, "the secret", &arn, err)) {
            return false;
        }
        (void)snprintf(region, sizeof region, "%s", arn.region);
    } else if (region[0] == '\0' && !aws_region_of_host(side->host, region)) {
        region[0] = '\0';
    }
    return setup_set(&side->region, region, err);
}

static bool read_side(const struct secret *conninfo, struct setup_side *side, struct err *err)
{
    return empty_side(side, err) && read_conninfo(conninfo, side, err) &&
           read_iam_host(side, err) && read_arns(side, err);
}

bool setup_facts_read(const struct spec *spec, struct setup_facts *f, struct err *err)
{
    struct setup_facts out = {.spec = spec, .utility = spec->aws.utility};
    const char *region = spec->aws.auth.region == NULL ? "" : spec->aws.auth.region;

    out.sides[SETUP_SOURCE] = (struct setup_side){
        .name = "source", .label = "Source", .group = "sluice_source", .auth = &spec->source_auth};
    out.sides[SETUP_DESTINATION] = (struct setup_side){.name = "destination",
                                                       .label = "Destination",
                                                       .group = "sluice_destination",
                                                       .auth = &spec->destination_auth};
    bool ok = setup_set(&out.partition, "", err) && setup_set(&out.account, "", err) &&
              setup_set(&out.region, region, err) && setup_set(&out.principal, "", err) &&
              setup_set(&out.principal_name, "", err) &&
              read_side(&spec->source, &out.sides[SETUP_SOURCE], err) &&
              read_side(&spec->destination, &out.sides[SETUP_DESTINATION], err);
    if (!ok) {
        setup_facts_free(&out);
        return false;
    }
    *f = out;
    return true;
}
