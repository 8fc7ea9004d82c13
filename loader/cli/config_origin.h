/*
 * config_origin.h: where each value of the configuration comes from, for the precedence of what is
 * read later and for --print-config. Owned by the result of the option parser; one thread.
 */
#ifndef CLI_CONFIG_ORIGIN_H
#define CLI_CONFIG_ORIGIN_H

#include "base/err.h"
#include "cli/options_table.h"
#include "job/table_rule.h"

#include <stddef.h>

enum origin_kind {
    ORIGIN_DEFAULT,
    ORIGIN_WORD,     /* the command line */
    ORIGIN_VARIABLE, /* the option's environment variable */
    ORIGIN_FILE,     /* the job file */
};

/* Of one option. */
struct option_origin {
    enum origin_kind kind;
    unsigned line;          /* in the job file, of the first value */
    struct text_list texts; /* each value as it was given; "" for a secret */
    struct text_list envs;  /* of each value: the variable that the job file names, "" for none */
};

/* Of one rule: lines in the job file, 0 where nothing is said. */
struct rule_lines {
    unsigned mode, shard_key, collocate_with, where, to_schema, to_table, format, chunk_size;
};

struct config_origins {
    struct option_origin options[OPTIONS_MAX]; /* by option_index */
    struct rule_lines *rules;                  /* one for each rule of the spec */
    size_t rule_count;
};

/* A value has been taken. env NULL: it stood there itself. ERR_SYSTEM without memory. */
bool origin_add(struct option_origin *o, const char *text, const char *env,
                struct err *err) MUST_CHECK;
void config_origins_free(struct config_origins *o);

#endif
