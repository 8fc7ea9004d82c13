/*
 * options_set.h: checks one option's value and stores it. Each function is for one option, named
 * like it. ERR_USAGE says where the value came from, what is wrong with it and what is allowed;
 * ERR_SYSTEM without memory.
 */
#ifndef CLI_OPTIONS_SET_H
#define CLI_OPTIONS_SET_H

#include "cli/options_table.h"

#define MEMORY_MIN      (UINT64_C(16) << 20)
#define MEMORY_MAX      (UINT64_C(1) << 40)
#define CHUNK_MIN       (UINT64_C(64) << 10)
#define CHUNK_MAX       (UINT64_C(1) << 40)
#define DURATION_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000) /* 30 days */
#define JOB_NAME_MAX    100                               /* characters */
#define SCHEMA_NAME_MAX 63                                /* bytes: PostgreSQL's NAMEDATALEN - 1 */
#define REPEATS_MAX     10000                             /* of one option on one command line */
#define OPTION_TEXT_MAX 2048                              /* bytes of an ARN, a name, a path */

#define OPTION_SETTER(name) \
    bool set_##name(struct spec *spec, const struct option_value *value, struct err *err)

OPTION_SETTER(source);
OPTION_SETTER(destination);
OPTION_SETTER(table);
OPTION_SETTER(exclude_table);
OPTION_SETTER(schema);
OPTION_SETTER(exclude_schema);
OPTION_SETTER(where);
OPTION_SETTER(memory);
OPTION_SETTER(chunk_size);
OPTION_SETTER(chunk_by);
OPTION_SETTER(format);
OPTION_SETTER(mode);
OPTION_SETTER(triggers);
OPTION_SETTER(no_sequences);
OPTION_SETTER(no_analyze);
OPTION_SETTER(job);
OPTION_SETTER(restart);
OPTION_SETTER(on_lost_snapshot);
OPTION_SETTER(hold_snapshot);
OPTION_SETTER(retry_for);
OPTION_SETTER(ledger_schema);
OPTION_SETTER(config);
OPTION_SETTER(print_config);
OPTION_SETTER(create_tables);
OPTION_SETTER(routers);
OPTION_SETTER(dry_run);
OPTION_SETTER(print_sql);
OPTION_SETTER(progress);
OPTION_SETTER(log_format);
OPTION_SETTER(verbose);
OPTION_SETTER(quiet);

/* What several setters have in common. */

/* Names, ARNs, hosts and paths: not empty, not too long, no control character. */
bool option_check_text(const struct option_value *value, struct err *err) MUST_CHECK;
/* Checks likewise, and replaces what an earlier use of the option may have left in slot. */
bool option_keep_text(char **slot, const struct option_value *value, struct err *err) MUST_CHECK;
/* The place of the value among the words of the argument, "auto|tid|key". */
bool option_choose(const struct option_value *value, unsigned *choice, struct err *err) MUST_CHECK;

#endif
