#include "aws/rds.h"

#include "aws/form.h"
#include "aws/xml.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RESOURCE_MAX     512
#define PAGE_RECORDS     "100"
#define PAGES_MAX        10
#define MARKER_MAX       1024
#define CLUSTER_FIELD    "DBClusterIdentifier"
#define SCALABILITY_KIND "limitless"

static const struct aws_service rds = {
    .id = "rds", .name = "rds", .prefix = "rds", .protocol = AWS_QUERY_XML};

/* Where clusters and instances differ in the API. Names of fields are paths below the element. */
struct kind {
    bool cluster;
    const char *operation;
    const char *action;
    const char *list;   /* below the root */
    const char *filter; /* the parameter that names one */
    const char *missing_code;
    const char *resource; /* what stands before the identifier in an ARN */
    const char *arn;
    const char *endpoint;
    const char *port;
    const char *resource_id;
    const char *status;
};

static const struct kind clusters = {
    .cluster = true,
    .operation = "DescribeDBClusters",
    .action = "rds:DescribeDBClusters",
    .list = "DescribeDBClustersResult/DBClusters",
    .filter = CLUSTER_FIELD,
    .missing_code = "DBClusterNotFoundFault",
    .resource = "cluster:",
    .arn = "DBClusterArn",
    .endpoint = "Endpoint",
    .port = "Port",
    .resource_id = "DbClusterResourceId",
    .status = "Status",
};

static const struct kind instances = {
    .cluster = false,
    .operation = "DescribeDBInstances",
    .action = "rds:DescribeDBInstances",
    .list = "DescribeDBInstancesResult/DBInstances",
    .filter = "DBInstanceIdentifier",
    .missing_code = "DBInstanceNotFound",
    .resource = "db:",
    .arn = "DBInstanceArn",
    .endpoint = "Endpoint/Address",
    .port = "Endpoint/Port",
    .resource_id = "DbiResourceId",
    .status = "DBInstanceStatus",
};

/* --- what is answered ------------------------------------------------------------------------ */

static bool read_text(const struct xml_node *node, const char *path, char *out, size_t size,
                      struct err *err)
{
    const char *text = xml_text(node, path);
    size_t len = strlen(text);

    if (len >= size) {
        return err_set(err, ERR_TRANSIENT, "its %s is too long", path);
    }
    memcpy(out, text, len + 1);
    return true;
}

/* A database that is being made has no port yet. */
static bool read_port(const struct xml_node *node, const char *path, uint16_t *port,
                      struct err *err)
{
    const char *text = xml_text(node, path);
    uint64_t number = 0;
    struct err ignored = {0};

    if (text[0] != '\0' && !parse_count(text, path, 0, UINT16_MAX, &number, &ignored)) {
        return err_set(err, ERR_TRANSIENT, "its %s is not a port", path);
    }
    *port = (uint16_t)number;
    return true;
}

/* Clusters made before ClusterScalabilityType came tell it by their LimitlessDatabase alone. */
static bool is_limitless(const struct xml_node *node)
{
    const char *status = xml_text(node, "LimitlessDatabase/Status");

    return strcmp(xml_text(node, "ClusterScalabilityType"), SCALABILITY_KIND) == 0 ||
           (status[0] != '\0' && strcmp(status, "not-in-use") != 0 &&
            strcmp(status, "disabled") != 0);
}

static bool read_database(const struct xml_node *node, const struct kind *kind,
                          struct aws_database *out, struct err *err)
{
    struct aws_database d = {.cluster = kind->cluster};

    if (!read_text(node, kind->filter, d.id, sizeof d.id, err) ||
        !read_text(node, kind->arn, d.arn, sizeof d.arn, err) ||
        !read_text(node, kind->endpoint, d.endpoint, sizeof d.endpoint, err) ||
        !read_text(node, "ReaderEndpoint", d.reader, sizeof d.reader, err) ||
        !read_port(node, kind->port, &d.port, err) ||
        !read_text(node, kind->resource_id, d.resource_id, sizeof d.resource_id, err) ||
        !read_text(node, "Engine", d.engine, sizeof d.engine, err) ||
        !read_text(node, kind->status, d.status, sizeof d.status, err) ||
        !read_text(node, "MasterUserSecret/SecretArn", d.master_secret_arn,
                   sizeof d.master_secret_arn, err)) {
        return false;
    }
    if (d.id[0] == '\0' || d.arn[0] == '\0' || d.resource_id[0] == '\0') {
        return err_set(err, ERR_TRANSIENT, "it has no %s, %s or %s", kind->filter, kind->arn,
                       kind->resource_id);
    }
    d.iam_enabled = strcmp(xml_text(node, "IAMDatabaseAuthenticationEnabled"), "true") == 0;
    d.limitless = kind->cluster && is_limitless(node);
    *out = d;
    return true;
}

static bool has_host(const struct xml_node *node, const struct kind *kind, const char *host)
{
    if (strcasecmp(xml_text(node, kind->endpoint), host) == 0 ||
        strcasecmp(xml_text(node, "ReaderEndpoint"), host) == 0) {
        return true;
    }
    const struct xml_node *custom = xml_find(node, "CustomEndpoints");
    const struct xml_node *member = custom == NULL ? NULL : custom->children;
    while (member != NULL && strcasecmp(secret_reveal(&member->text), host) != 0) {
        member = member->next;
    }
    return member != NULL;
}

/* One page of a listing, and what of it is wanted. */
struct page {
    const struct kind *kind;
    const char *host; /* NULL: the first */
    char marker[MARKER_MAX];
    bool found;
    struct aws_database database;
    char cluster_id[sizeof(((struct aws_database *)0)->id)]; /* an instance's cluster; "" */
};

static bool read_page(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct page *out = arg;
    struct page page = *out;

    if (!xml_parse(secret_reveal(body), body->len, &root, err)) {
        return false;
    }
    const struct xml_node *list = xml_find(root, page.kind->list);
    if (list == NULL) {
        return err_set(err, ERR_TRANSIENT, "it has no %s", page.kind->list);
    }
    const struct xml_node *node = list->children;
    while (node != NULL && page.host != NULL && !has_host(node, page.kind, page.host)) {
        node = node->next;
    }
    page.found = node != NULL;
    if (page.found &&
        (!read_database(node, page.kind, &page.database, err) ||
         !read_text(node, CLUSTER_FIELD, page.cluster_id, sizeof page.cluster_id, err))) {
        return false;
    }
    char path[64];
    (void)snprintf(path, sizeof path, "%sResult/Marker", page.kind->operation);
    if (!read_text(root, path, page.marker, sizeof page.marker, err)) {
        return false;
    }
    *out = page;
    return true;
}

/* --- what is asked --------------------------------------------------------------------------- */

/* id NULL: the page after page->marker. */
static bool ask(const struct aws_caller *caller, const char *id, struct page *page,
                struct aws_refusal *refusal, struct err *err)
{
    CLEANUP(form_free) struct form form = {0};
    char below[RESOURCE_MAX];
    char arn[RESOURCE_MAX];

    form_add(&form, "Action", page->kind->operation);
    form_add(&form, "Version", "2014-10-31");
    form_add(&form, page->kind->filter, id);
    form_add(&form, "MaxRecords", id == NULL ? PAGE_RECORDS : NULL);
    form_add(&form, "Marker", page->marker[0] == '\0' ? NULL : page->marker);
    if (!form_ok(&form, err)) {
        return false;
    }
    (void)snprintf(below, sizeof below, "%s%.255s", page->kind->resource, id == NULL ? "*" : id);
    const struct aws_call call = {
        .service = &rds,
        .operation = page->kind->operation,
        .body = secret_reveal(&form.body),
        .action = page->kind->action,
        .resource = id != NULL && aws_is_arn(id)
                        ? id
                        : aws_caller_resource(caller, "rds", below, arn, sizeof arn),
        .read = read_page,
        .read_arg = page,
    };
    return aws_call_send(caller, &call, NULL, refusal, err);
}

/* *found false when the service says that there is none of that name. */
static bool find_one(const struct aws_caller *caller, const char *id, struct page *page,
                     bool *found, struct err *err)
{
    struct aws_refusal refusal = {0};
    struct err why = {0};

    if (ask(caller, id, page, &refusal, &why)) {
        *found = page->found;
        return true;
    }
    /* Some write the code with "Fault" at its end, some without. */
    const char *code = page->kind->missing_code;
    if (strncmp(refusal.code, code, strlen(code)) != 0) {
        *err = why;
        return false;
    }
    *found = false;
    return true;
}

/* IAM logins to an instance of Aurora are allowed by its cluster's id, and what kind of database it
 * is its cluster knows. */
static bool add_cluster(const struct aws_caller *caller, const char *cluster_id,
                        struct aws_database *d, struct err *err)
{
    struct page page = {.kind = &clusters};
    bool found = false;

    if (cluster_id[0] == '\0') {
        return true;
    }
    if (!find_one(caller, cluster_id, &page, &found, err)) {
        return false;
    }
    if (found) {
        memcpy(d->resource_id, page.database.resource_id, sizeof d->resource_id);
        memcpy(d->master_secret_arn, page.database.master_secret_arn, sizeof d->master_secret_arn);
        d->limitless = page.database.limitless;
    }
    return true;
}

static bool take(const struct aws_caller *caller, const struct page *page, struct aws_database *out,
                 struct err *err)
{
    struct aws_database d = page->database;

    if (!page->kind->cluster && !add_cluster(caller, page->cluster_id, &d, err)) {
        return false;
    }
    *out = d;
    return true;
}

bool aws_rds_find(const struct aws_caller *caller, const char *id, struct aws_database *out,
                  struct err *err)
{
    const struct kind *const kinds[] = {&clusters, &instances};
    struct aws_arn arn = {0};
    const struct aws_caller there = aws_caller_for(caller, id, &arn);
    bool found = false;

    /* An empty filter would be none, and the answer the first that there is. */
    if (id == NULL || id[0] == '\0') {
        return err_set(err, ERR_USAGE, "a DB cluster or instance without a name");
    }
    if (arn.resource[0] != '\0' && strcmp(arn.service, "rds") != 0) {
        return err_set(err, ERR_USAGE, "%.200s is not the ARN of a DB cluster or instance", id);
    }
    for (size_t i = 0; i < 2; i++) {
        const char *resource = kinds[i]->resource;
        struct page page = {.kind = kinds[i]};
        if (arn.resource[0] != '\0' && strncmp(arn.resource, resource, strlen(resource)) != 0) {
            continue;
        }
        if (!find_one(&there, id, &page, &found, err)) {
            return false;
        }
        if (found) {
            return take(&there, &page, out, err);
        }
    }
    return err_set(
        err, ERR_USAGE,
        "there is no DB cluster or instance \"%.200s\"; check the name, the account and the "
        "Region (%s)",
        id, aws_caller_region(&there));
}

static bool search(const struct aws_caller *caller, struct page *page, struct err *err)
{
    for (unsigned i = 0; i < PAGES_MAX; i++) {
        if (!ask(caller, NULL, page, NULL, err)) {
            return false;
        }
        if (page->found || page->marker[0] == '\0') {
            break;
        }
    }
    return true;
}

bool aws_rds_find_by_host(const struct aws_caller *caller, const char *host,
                          struct aws_database *out, bool *found, struct err *err)
{
    const struct kind *const kinds[] = {&clusters, &instances};

    for (size_t i = 0; i < 2; i++) {
        struct page page = {.kind = kinds[i], .host = host};
        if (!search(caller, &page, err)) {
            return false;
        }
        if (page.found) {
            if (!take(caller, &page, out, err)) {
                return false;
            }
            *found = true;
            return true;
        }
    }
    *found = false;
    return true;
}
