/*
 * credentials_container.h: the role of a container (ECS, EKS Pod Identity), from the agent beside
 * it. Source: "Container credential provider" in the AWS SDKs and Tools Reference Guide; botocore.
 * Thread-safe.
 *
 *   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI   a path on http://169.254.170.2; wins over the next
 *   AWS_CONTAINER_CREDENTIALS_FULL_URI       https to any host; http only to this machine and to
 *                                            169.254.170.2, 169.254.170.23 and [fd00:ec2::23]
 *   AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE   read anew at each call; wins over the next
 *   AWS_CONTAINER_AUTHORIZATION_TOKEN        sent as the Authorization header
 */
#ifndef AWS_CREDENTIALS_CONTAINER_H
#define AWS_CREDENTIALS_CONTAINER_H

#include "aws/identity_source.h"

/* Where the agent is. *found false when no variable names it. ERR_USAGE: not a URL, or a host that
 * may not be asked over http. */
bool credentials_container_url(const struct aws_session *session, char url[HTTP_URL_MAX],
                               bool *found, struct err *err) MUST_CHECK;

/*
 * Three attempts a second apart, two seconds each; never through a proxy. ERR_USAGE also for a
 * token file that is not there and for a token with a line end in it; ERR_AUTH: the agent refused;
 * ERR_TRANSIENT: not reached, 429, 5xx, or an answer that is none; ERR_CANCELLED.
 */
bool credentials_container(const struct aws_session *session, struct aws_credentials *out,
                           struct credentials_answer *answer, struct err *err) MUST_CHECK;

#endif
