/*
 * credentials_imds.h: the role of an EC2 instance, from its metadata service, version 2 only.
 * Source: "Use IMDSv2" in the EC2 user guide; the variables and profile keys as botocore reads
 * them. Thread-safe.
 *
 *   AWS_EC2_METADATA_DISABLED                true: not asked
 *   AWS_EC2_METADATA_SERVICE_ENDPOINT        (ec2_metadata_service_endpoint) a base URL
 *   AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE   (..._mode) IPv4 (usual) or IPv6; an endpoint wins
 *   AWS_METADATA_SERVICE_TIMEOUT             (metadata_service_timeout) seconds, 1
 *   AWS_METADATA_SERVICE_NUM_ATTEMPTS        (metadata_service_num_attempts) 1
 */
#ifndef AWS_CREDENTIALS_IMDS_H
#define AWS_CREDENTIALS_IMDS_H

#include "aws/identity_source.h"

/* The URL of a path of the service. ERR_USAGE: an endpoint that is no URL, a mode that is none. */
bool credentials_imds_url(const struct aws_session *session, const char *path,
                          char url[HTTP_URL_MAX], struct err *err) MUST_CHECK;

/*
 * Not found: not reached (this is no instance), no role is attached, version 2 or the whole service
 * is turned off. ERR_AUTH: the service says that it has no credentials, and why; ERR_TRANSIENT: it
 * answered before and does not now, 5xx, or an answer that is none; ERR_USAGE: a setting;
 * ERR_CANCELLED.
 */
bool credentials_imds(const struct aws_session *session, struct aws_credentials *out,
                      struct credentials_answer *answer, struct err *err) MUST_CHECK;

#endif
