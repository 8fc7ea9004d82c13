/* job_file_rules.h: what the readers of rules and of their columns share. For job_file*.c only. */
#ifndef CLI_JOB_FILE_RULES_H
#define CLI_JOB_FILE_RULES_H

#include "cli/job_file_keys.h"

/* A rule being read, and where its wishes stand. */
struct rule_reading {
    struct table_rule *rule;
    struct rule_lines *lines;
    const struct tree_node *mode, *shard_key, *collocate_with; /* keys; NULL: not there */
};

/* The take of "columns"; into is a struct rule_reading. */
void job_take_columns(struct job_reader *r, const struct tree_node *key, void *into);

#endif
