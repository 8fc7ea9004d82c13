/*
 * print_config.h: the configuration as a job file that can be given back, each line with where its
 * value comes from. No password is in it: connection strings are printed without theirs.
 */
#ifndef CLI_PRINT_CONFIG_H
#define CLI_PRINT_CONFIG_H

#include "base/buf.h"
#include "cli/options_result.h"

/* ERR_SYSTEM without memory. */
bool print_config(const struct options_result *r, struct buf *out, struct err *err) MUST_CHECK;

#endif
