/* settings_internal.h: what settings.c and settings_endpoint.c share: how one setting is found. */
#ifndef AWS_SETTINGS_INTERNAL_H
#define AWS_SETTINGS_INTERNAL_H

#include "aws/settings.h"

#include <stdbool.h>

/* A setting that was found, and where, for messages. */
struct setting {
    const char *value; /* never empty; borrowed from the platform or the profiles */
    char where[200];
};

/* The first one that is set: the variable, then the profile's property (NULL: there is none). Out
 * is untouched when neither is. */
bool setting_find(const struct aws_settings *s, const char *variable, const char *property,
                  struct setting *out);
/* *value stays when it is not set. ERR_USAGE when it is neither true nor false. */
bool setting_bool(const struct aws_settings *s, const char *variable, const char *property,
                  bool *value, struct err *err) MUST_CHECK;

#endif
