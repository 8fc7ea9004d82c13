#include "cli/aws_commands.h"

#include "base/log.h"
#include "cli/options.h"
#include "flow/stop.h"
#include "job/exit_status.h"

#include <stdio.h>
#include <string.h>

struct aws_command {
    const char *word;
    enum option_command options;
    int (*run)(const struct spec *spec);
    const char *what;
};

static const struct aws_command commands[] = {
    {"token",  FOR_AWS_TOKEN,  aws_token_run,  "print an IAM token for a database login"},
    {"whoami", FOR_AWS_WHOAMI, aws_whoami_run, "say which AWS identity is in use"       },
    {"setup",  FOR_AWS_SETUP,  aws_setup_run,
     "write the policies, SQL and scripts that a load needs"                            },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

int aws_failed(const struct err *err)
{
    log_error("%s", err->msg);
    return exit_status_of(err->kind);
}

static void help(void)
{
    (void)fputs("usage: sluice aws WORD [options]\n\n", stdout);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)printf("  %-9s  %s\n", commands[i].word, commands[i].what);
    }
    (void)fputs("\n\"sluice aws WORD --help\" lists its options.\n", stdout);
}

static int run(const struct aws_command *command, int argc, char **argv)
{
    struct spec spec = {.jobs = 0};
    struct err err = {.kind = ERR_NONE};
    enum options_verdict verdict = OPTIONS_RUN;
    int status = EXIT_DONE;

    if (!options_parse(command->options, argc, argv, &verdict, &spec, &err)) {
        status = aws_failed(&err);
    } else if (verdict == OPTIONS_HELP) {
        options_help(command->options, stdout);
    } else if (verdict == OPTIONS_MARKDOWN) {
        options_markdown(stdout);
    } else {
        options_open_log(&spec);
        status = stop_open(&err) ? command->run(&spec) : aws_failed(&err);
    }
    spec_free(&spec);
    return status;
}

int command_aws(int argc, char **argv)
{
    const char *word = argc > 0 ? argv[0] : "";

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].word) == 0) {
            return run(&commands[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help();
        return EXIT_DONE;
    }
    if (word[0] == '\0') {
        log_error("no word given after \"aws\"; \"sluice aws help\" lists them");
    } else {
        log_error("unknown word \"%.40s\" after \"aws\"; \"sluice aws help\" lists them", word);
    }
    return EXIT_USAGE;
}
