/*
 * options_result.h: what reading the options leaves behind besides the spec.
 */
#ifndef CLI_OPTIONS_RESULT_H
#define CLI_OPTIONS_RESULT_H

#include "base/findings.h"
#include "cli/config_origin.h"
#include "cli/options.h"

struct options_result {
    enum options_verdict verdict;
    struct spec spec;
    struct config_origins origins;
    struct findings findings; /* all that is wrong with the job file */
};

/* As options_parse, and needs options_result_free in any case. When the job file is what is wrong,
 * err is about it as a whole (or its only problem), and findings hold every problem. Large: keep
 * it off a thread's small stack. */
bool options_read(enum option_command command, int argc, char **argv, struct options_result *out,
                  struct err *err) MUST_CHECK;
void options_result_free(struct options_result *r);

#endif
