/*
 * options_table.h: the rows behind options.h. For the files of the option parser only.
 *
 * A row says everything about an option: how it is written, what it does, and which function
 * stores its value. Rows are grouped, and within a group stand as --help shows them.
 */
#ifndef CLI_OPTIONS_TABLE_H
#define CLI_OPTIONS_TABLE_H

#include "base/err.h"
#include "cli/options.h"
#include "job/spec.h"

#include <stddef.h>

enum option_group {
    GROUP_SERVERS,
    GROUP_AUTH,
    GROUP_TABLES,
    GROUP_SPEED,
    GROUP_SLOWER,
    GROUP_WRITING,
    GROUP_JOB,
    GROUP_BENCH,
    GROUP_ASSESS,
    GROUP_SCHEMA,
    GROUP_AWS,
    GROUP_OUTPUT,
    GROUP_COUNT,
};

struct option_row;

/* A value on its way into the spec. */
struct option_value {
    const struct option_row *row;
    const char *where; /* "--jobs" or "SLUICE_JOBS": where a person has to mend it */
    const char *text;  /* "" for an option without an argument */
};

struct option_row {
    const char *name;         /* without dashes */
    const char *argument;     /* NULL: takes no value; "a|b|c": one of these words */
    const char *default_text; /* NULL: none worth showing */
    const char *variable;     /* NULL: no environment variable */
    const char *help;
    const char *example; /* NULL or the words after "sluice load ..." */
    /* NULL: the option only changes the verdict. */
    bool (*set)(struct spec *spec, const struct option_value *value, struct err *err);
    enum option_group group;
    unsigned commands; /* bits of enum option_command; 0: load alone */
    enum options_verdict verdict;
    char letter;     /* 0: none */
    bool preset;     /* default_text is a value, and stored as if it had been given */
    bool repeatable; /* every use adds one; otherwise the last one wins */
    bool secret;     /* the value is hidden in argv and never shown */
    bool hidden;     /* not in the help */
};

/* What the parser has room for. */
#define OPTIONS_MAX 96

/* The table is kept in parts, one a theme: options_table_*.c. */
struct option_part {
    const struct option_row *rows;
    size_t count;
};
extern const struct option_part options_servers, options_tables, options_job, options_other;

size_t options_count(void);
/* In the order of the help; NULL past the end. */
const struct option_row *option_at(size_t index);
size_t option_index(const struct option_row *row); /* of a row of the table */
/* The first of this name, for whichever command; NULL when there is none. */
const struct option_row *option_named(const char *name, size_t len);
/* Does the command take it? */
bool option_is_for(const struct option_row *row, enum option_command command);
/* "load", "aws token". */
const char *command_name(enum option_command command);
const char *option_group_title(enum option_group group);

/* Fills in what the table says are the defaults. ERR_SYSTEM without memory. */
bool options_defaults(struct spec *spec, struct err *err) MUST_CHECK;

#endif
