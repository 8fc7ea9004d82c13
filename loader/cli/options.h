/*
 * options.h: the one option table of all subcommands. From it come the parsers, --help and
 * docs/options.md, so that they cannot differ.
 *
 * Precedence: command line, then the option's environment variable (SLUICE_JOBS for --jobs, and so
 * on, where the table names one), then the job file (cli/job_file.h), then the default.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/err.h"
#include "job/spec.h"

#include <stdio.h>

enum options_verdict { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_MARKDOWN, OPTIONS_KEYS };

/* Who takes options. Bits, so that a row can name several. */
enum option_command {
    FOR_LOAD = 1,
    FOR_CHECK = 2,
    FOR_AWS_TOKEN = 4,
    FOR_AWS_WHOAMI = 8,
    FOR_AWS_SETUP = 16,
    FOR_BENCH = 32,
    FOR_ASSESS = 64,
    FOR_SCHEMA = 128,
};

/* Parses the words after the command's name: argv[0] is the first of them. argv values that may
 * hold a secret
 * (--source, --destination) are overwritten with '*' in place once copied. ERR_USAGE names the
 * option, says what is wrong with its value and what it takes; an unknown option names the nearest
 * known one. spec is valid to spec_free even after a failure. */
bool options_parse(enum option_command command, int argc, char **argv,
                   enum options_verdict *verdict, struct spec *spec, struct err *err) MUST_CHECK;

/* Opens the log as --quiet, --verbose and --log-format say. */
void options_open_log(const struct spec *spec);

/* --help: usage, options in groups with defaults and variables, examples, exit statuses. */
void options_help(enum option_command command, FILE *out);

/* The page docs/options.md, in Markdown: all commands. */
void options_markdown(FILE *out);

#endif
