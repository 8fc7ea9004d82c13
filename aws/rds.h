/* rds.h: Amazon RDS, API version 2014-10-31: where a database is. Thread-safe; errors as in call.h.
 */
#ifndef AWS_RDS_H
#define AWS_RDS_H

#include "aws/call.h"
#include "base/err.h"

#include <stdint.h>

struct aws_database {
    bool cluster; /* of Aurora (or Multi-AZ), else a single instance */
    char id[256];
    char arn[512];
    char endpoint[256]; /* the writer's, for a cluster */
    char reader[256];   /* "" when there is none */
    uint16_t port;
    char resource_id[64]; /* cluster-ABC or db-ABC, as rds-db:connect's ARN has it */
    char engine[64];
    char status[64];
    char master_secret_arn[2048 + 1]; /* "" unless RDS manages the master password */
    bool iam_enabled;
    bool limitless; /* the cluster is of the Limitless kind */
};

/* id: an identifier, or the ARN of a cluster or instance. An identifier is looked up among clusters
 * first, then among instances. ERR_USAGE when there is neither. */
bool aws_rds_find(const struct aws_caller *caller, const char *id, struct aws_database *out,
                  struct err *err) MUST_CHECK;

/* By endpoint name, over all clusters, then instances (paged, at most 1,000 of each): for a check
 * that knows a host only. *found says whether there was one. */
bool aws_rds_find_by_host(const struct aws_caller *caller, const char *host,
                          struct aws_database *out, bool *found, struct err *err) MUST_CHECK;

#endif
