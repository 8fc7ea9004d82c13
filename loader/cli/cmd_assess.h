/* cmd_assess.h: "sluice assess": looks at the source (job/assess_run.h), prints the report, and
 * with --out writes a job file. */
#ifndef CLI_CMD_ASSESS_H
#define CLI_CMD_ASSESS_H

#include <stdbool.h>

/* As in commands.h. */
int command_assess(int argc, char **argv, bool *abandon);

#endif
