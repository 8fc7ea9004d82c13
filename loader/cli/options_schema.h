/* options_schema.h: setters of the options that "sluice schema" has alone; as options_set.h. */
#ifndef CLI_OPTIONS_SCHEMA_H
#define CLI_OPTIONS_SCHEMA_H

#include "cli/options_set.h"

OPTION_SETTER(emit);
OPTION_SETTER(apply);
OPTION_SETTER(keep_going);
OPTION_SETTER(pg_bindir);
OPTION_SETTER(maintenance_memory);
OPTION_SETTER(maintenance_workers);

#endif
