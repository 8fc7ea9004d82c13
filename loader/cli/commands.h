/* commands.h: the subcommands. Each gets the words after its name and returns an exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdbool.h>

#define SLUICE_VERSION "0.1.0"

/* *abandon: some thread did not end in time; the process has to leave without waiting for it. */
int command_run(int argc, char **argv, bool *abandon);

int command_load(int argc, char **argv, bool *abandon);

#endif
