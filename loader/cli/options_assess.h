/* options_assess.h: setters of the options that only "assess" takes. The conventions are those of
 * options_set.h. */
#ifndef CLI_OPTIONS_ASSESS_H
#define CLI_OPTIONS_ASSESS_H

#include "cli/options_set.h"

#define ASSESS_RATE_MIN (UINT64_C(64) << 10)
#define ASSESS_RATE_MAX (UINT64_C(1) << 40)

OPTION_SETTER(assess_sample);
OPTION_SETTER(assess_rate);
OPTION_SETTER(assess_out);

#endif
