/* cmd_bench.h: "sluice bench": measures a pair of servers (job/bench.h) and prints the report. */
#ifndef CLI_CMD_BENCH_H
#define CLI_CMD_BENCH_H

#include <stdbool.h>

/* As in commands.h. */
int command_bench(int argc, char **argv, bool *abandon);

#endif
