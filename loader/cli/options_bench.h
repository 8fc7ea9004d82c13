/* options_bench.h: setters of the options that only "bench" takes. The conventions are those of
 * options_set.h. */
#ifndef CLI_OPTIONS_BENCH_H
#define CLI_OPTIONS_BENCH_H

#include "cli/options_set.h"

#define BENCH_BYTES_MIN (UINT64_C(1) << 20)
#define BENCH_BYTES_MAX (UINT64_C(1) << 40)

OPTION_SETTER(bench_only);
OPTION_SETTER(bench_bytes);
OPTION_SETTER(sweep_jobs);
OPTION_SETTER(sweep_chunk);
OPTION_SETTER(repeat);
OPTION_SETTER(with_indexes);

#endif
