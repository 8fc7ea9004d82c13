#include "cli/aws_commands.h"

#include "base/log.h"
#include "cli/frame.h"
#include "job/exit_status.h"

#include <stdio.h>
#include <string.h>

struct aws_command {
    const char *word;
    enum option_command options;
    frame_run *run;
    const char *what;
};

static const struct aws_command commands[] = {
    {"token",  FOR_AWS_TOKEN,  aws_token_run,  "print an IAM token for a database login"},
    {"whoami", FOR_AWS_WHOAMI, aws_whoami_run, "say which AWS identity is in use"       },
    {"setup",  FOR_AWS_SETUP,  aws_setup_run,
     "write the policies, SQL and scripts that a load needs"                            },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(void)
{
    (void)fputs("usage: sluice aws WORD [options]\n\n", stdout);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)printf("  %-9s  %s\n", commands[i].word, commands[i].what);
    }
    (void)fputs("\n\"sluice aws WORD --help\" lists its options.\n", stdout);
}

int command_aws(int argc, char **argv)
{
    const char *word = argc > 0 ? argv[0] : "";
    bool abandon = false;

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].word) == 0) {
            return command_with_spec(commands[i].options, argc - 1, argv + 1, commands[i].run,
                                     &abandon);
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
