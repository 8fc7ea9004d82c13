#include "cli/commands.h"

#include "base/log.h"
#include "cli/aws_commands.h"
#include "cli/check.h"
#include "cli/cmd_assess.h"
#include "cli/cmd_bench.h"
#include "cli/cmd_schema.h"
#include "cli/frame.h"
#include "job/exit_status.h"
#include "job/holder.h"

#include <stdio.h>
#include <string.h>

static void help(void)
{
    (void)fputs("sluice: bulk loads from PostgreSQL into PostgreSQL, exactly once, resumable\n"
                "\n"
                "usage: sluice SUBCOMMAND [options]\n"
                "\n"
                "  load       copy tables from one database into another\n"
                "  check      look at both sides before a load, and say what to mend\n"
                "  assess     propose table modes and shard keys for a Limitless shard group\n"
                "  schema     write or make the destination's schema, in two parts\n"
                "  bench      measure both sides, and say which --jobs to use\n"
                "  aws        IAM tokens, who you are to AWS, what to set up there\n"
                "  version    print the version\n"
                "  help       print this\n"
                "\n"
                "\"sluice load --help\" lists its options, with examples and exit statuses.\n",
                stdout);
}

static bool is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int dispatch(int argc, char **argv, bool *abandon)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "load") == 0) {
        return command_load(argc - 2, argv + 2, abandon);
    }
    if (strcmp(word, "check") == 0) {
        return command_check(argc - 2, argv + 2);
    }
    if (strcmp(word, "bench") == 0) {
        return command_bench(argc - 2, argv + 2, abandon);
    }
    if (strcmp(word, "assess") == 0) {
        return command_assess(argc - 2, argv + 2, abandon);
    }
    if (strcmp(word, "schema") == 0) {
        return command_schema(argc - 2, argv + 2, abandon);
    }
    if (strcmp(word, "aws") == 0) {
        return command_aws(argc - 2, argv + 2);
    }
    if (strcmp(word, "holder") == 0) {
        return holder_main(); /* for Sluice itself: keeps a snapshot, see job/holder.h */
    }
    if (is(word, "version", "--version")) {
        (void)puts("sluice " SLUICE_VERSION);
        return EXIT_DONE;
    }
    if (is(word, "help", "--help") || strcmp(word, "-h") == 0) {
        help();
        return EXIT_DONE;
    }
    if (word[0] == '\0') {
        log_error("no subcommand given; \"sluice help\" lists them");
    } else {
        log_error("unknown subcommand \"%.40s\"; \"sluice help\" lists them", word);
    }
    return EXIT_USAGE;
}

int command_run(int argc, char **argv, bool *abandon)
{
    return frame_finish(dispatch(argc, argv, abandon));
}
