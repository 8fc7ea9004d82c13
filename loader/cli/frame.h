/*
 * frame.h: what every subcommand that works on a spec does around its own work: the options, help,
 * the log, signals, and the messages for what went wrong.
 */
#ifndef CLI_FRAME_H
#define CLI_FRAME_H

#include "base/err.h"
#include "base/findings.h"
#include "cli/options.h"
#include "job/spec.h"

/* The work itself. Returns an exit status; *abandon as in commands.h. */
typedef int frame_run(const struct spec *spec, bool *abandon);

/* argv[0] is the first word after the command's name. Passwords are taken out of the environment
 * first, but for "aws" and for what asks no server. Returns an exit status. */
int command_with_spec(enum option_command command, int argc, char **argv, frame_run *run,
                      bool *abandon);

/* Logs the error and returns the exit status of its kind. */
int frame_failed(const struct err *err);

/* An observer's note: a line in the log. */
void frame_note(void *self, const char *text);

/* The blockers and how many were left out, then the error. */
void frame_print_problems(const struct findings *findings, const struct err *err);

/* Has everything that was printed reached stdout? If not it is logged, and a status of 0 becomes
 * EXIT_FAILED. Once, at the very end of a command. */
int frame_finish(int status);

#endif
