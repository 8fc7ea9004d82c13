#include "cli/options_table.h"

bool option_is_for(const struct option_row *row, enum option_command command)
{
    return ((row->commands == 0 ? FOR_LOAD : row->commands) & (unsigned)command) != 0;
}

const char *command_name(enum option_command command)
{
    switch (command) {
    case FOR_CHECK:
        return "check";
    case FOR_AWS_TOKEN:
        return "aws token";
    case FOR_AWS_WHOAMI:
        return "aws whoami";
    case FOR_AWS_SETUP:
        return "aws setup";
    case FOR_BENCH:
        return "bench";
    case FOR_ASSESS:
        return "assess";
    case FOR_SCHEMA:
        return "schema";
    case FOR_LOAD:
    default:
        return "load";
    }
}

const char *option_group_title(enum option_group group)
{
    static const char *const titles[GROUP_COUNT] = {
        [GROUP_SERVERS] = "Servers",
        [GROUP_AUTH] = "Credentials from AWS",
        [GROUP_TABLES] = "Tables and rows",
        [GROUP_SPEED] = "Streams, memory and chunks",
        [GROUP_SLOWER] = "When the destination is slower than the source",
        [GROUP_WRITING] = "How rows are written",
        [GROUP_JOB] = "The job",
        [GROUP_BENCH] = "What is measured",
        [GROUP_ASSESS] = "What is assessed",
        [GROUP_SCHEMA] = "The destination's schema",
        [GROUP_AWS] = "AWS",
        [GROUP_OUTPUT] = "Output",
    };
    return titles[group];
}

/* The defaults go through the same checks as what a user types. */
bool options_defaults(struct spec *spec, struct err *err)
{
    spec->sequences = true;
    spec->analyze = true;
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        struct option_value value = {.row = row, .where = row->name, .text = row->default_text};
        if (row->preset && !row->set(spec, &value, err)) {
            return false;
        }
    }
    return true;
}
