/* aws_commands.h: the words after "sluice aws". Single-threaded; nothing but the answer goes to
 * stdout. */
#ifndef CLI_AWS_COMMANDS_H
#define CLI_AWS_COMMANDS_H

#include "job/spec.h"

#include <stdbool.h>

/* argv[0] is the word after "aws". Returns an exit status. */
int command_aws(int argc, char **argv);

/* Each is a frame_run (cli/frame.h): gets what its options said and returns an exit status. */
int aws_token_run(const struct spec *spec, bool *abandon);
int aws_whoami_run(const struct spec *spec, bool *abandon);
int aws_setup_run(const struct spec *spec, bool *abandon);

#endif
