/*
 * options_flow.h: setters of the options that say how rows flow: streams, the rate, compression and
 * the spill; and the check of which go together. The conventions are those of options_set.h.
 */
#ifndef CLI_OPTIONS_FLOW_H
#define CLI_OPTIONS_FLOW_H

#include "cli/options_set.h"

#define JOBS_MAX              256u
#define JOBS_AUTO_MAX         16u /* streams of --jobs auto, unless --jobs-max says otherwise */
#define COMPRESSION_LEVEL_MAX 19u /* zstd's higher levels take too much memory for a stream */
#define RATE_MIN              (UINT64_C(64) << 10)
#define RATE_MAX              (UINT64_C(1) << 40)
#define SPILL_LIMIT_MIN       (UINT64_C(64) << 20)
#define SPILL_LIMIT_MAX       (UINT64_C(1) << 50)

OPTION_SETTER(jobs);
OPTION_SETTER(jobs_max);
OPTION_SETTER(max_rate);
OPTION_SETTER(compression);
OPTION_SETTER(spill_dir);
OPTION_SETTER(spill_limit);
OPTION_SETTER(release_source);
OPTION_SETTER(spill_key_file);
OPTION_SETTER(spill_kms_key);

/* Options that exclude or need each other; "aws setup" takes the spill's key without the rest of
 * them. ERR_USAGE. That a key file is outside the spill directory is looked for in the two names
 * only; where links lead is seen when it is opened. */
bool options_check_flow(enum option_command command, const struct spec *spec,
                        struct err *err) MUST_CHECK;

#endif
