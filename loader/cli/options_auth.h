/*
 * options_auth.h: setters of the options that say how a side logs in, and of the "aws" subcommands;
 * and the check of which go together. The conventions are those of options_set.h.
 */
#ifndef CLI_OPTIONS_AUTH_H
#define CLI_OPTIONS_AUTH_H

#include "cli/options_set.h"

/* Of "source-..." and "destination-..." alike: the row's name says which side. */
OPTION_SETTER(auth_secret);
OPTION_SETTER(auth_iam);
OPTION_SETTER(auth_role_arn);
OPTION_SETTER(auth_external_id);
OPTION_SETTER(auth_tag);
OPTION_SETTER(auth_iam_host);
OPTION_SETTER(auth_region);
OPTION_SETTER(auth_ca);
OPTION_SETTER(auth_password_kms);
OPTION_SETTER(auth_context);
OPTION_SETTER(kms_context);
OPTION_SETTER(aws_profile);

OPTION_SETTER(aws_host);
OPTION_SETTER(aws_port);
OPTION_SETTER(aws_user);
OPTION_SETTER(aws_region);
OPTION_SETTER(aws_role_arn);
OPTION_SETTER(aws_external_id);
OPTION_SETTER(aws_tag);
OPTION_SETTER(aws_out);
OPTION_SETTER(aws_utility);
OPTION_SETTER(json);

/* Options that exclude or need each other. ERR_USAGE. */
bool options_check_auth(enum option_command command, const struct spec *spec,
                        struct err *err) MUST_CHECK;

#endif
