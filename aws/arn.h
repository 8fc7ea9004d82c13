/*
 * arn.h: ARNs, partitions, and what an RDS host name tells. Pure.
 * Source: AWS general reference, "Amazon Resource Names" and "Service endpoints"; botocore's
 * partitions.json for prefixes and suffixes.
 */
#ifndef AWS_ARN_H
#define AWS_ARN_H

#include "base/err.h"

#include <stdbool.h>

#define AWS_REGION_MAX 32

struct aws_arn {
    char partition[16];
    char service[32];
    char region[AWS_REGION_MAX]; /* "" for global services */
    char account[16];            /* "" where there is none */
    char resource[1024];         /* all that follows, colons included */
};

/* Is it meant as one: does it begin with "arn:"? Whether it is one, aws_arn_parse says. */
bool aws_is_arn(const char *text);
/* ERR_USAGE, naming what, when it is not an ARN or a part is too long. */
bool aws_arn_parse(const char *text, const char *what, struct aws_arn *out,
                   struct err *err) MUST_CHECK;

struct aws_partition {
    const char *name;       /* "aws", "aws-cn", "aws-us-gov", "aws-iso", ... */
    const char *dns_suffix; /* "amazonaws.com", "amazonaws.com.cn" */
};
/* By the Region's prefix (cn-, us-gov-, us-iso-, us-isob-, ...); an unknown one, "" and NULL are
 * "aws". Never NULL. */
const struct aws_partition *aws_partition_of(const char *region);

/* "us-east-1" like: three or more words of lower-case letters and digits, the last one a number;
 * what may stand in a host name, and fits AWS_REGION_MAX. */
bool aws_is_region(const char *text);

/* The Region in an RDS host name, whatever the kind of endpoint (instance, cluster-, cluster-ro-,
 * cluster-custom-, shardgrp-, limitless-, proxy-): x.cluster-abc.us-east-1.rds.amazonaws.com, or
 * with the two words turned round as China and the isolated partitions have it,
 * x.cluster-abc.rds.cn-north-1.amazonaws.com.cn. Lower case, whatever the host has; a dot at the
 * end is allowed. False when the host is not of that form, as with a global writer endpoint.
 */
bool aws_region_of_host(const char *host, char region[AWS_REGION_MAX]);
/* Is this a name that RDS gave: does it end with .rds.amazonaws.com, .rds.REGION.amazonaws.com, or
 * their like in another partition? */
bool aws_is_rds_host(const char *host);

#endif
