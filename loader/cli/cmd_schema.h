/* cmd_schema.h: "sluice schema": the destination's DDL, written to files or made
 * (job/schema_run.h), and the report. */
#ifndef CLI_CMD_SCHEMA_H
#define CLI_CMD_SCHEMA_H

#include <stdbool.h>

/* As in commands.h. */
int command_schema(int argc, char **argv, bool *abandon);

#endif
