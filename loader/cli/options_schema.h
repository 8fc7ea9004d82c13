/* options_schema.h: setters of the options about making a schema; as options_set.h. */
#ifndef CLI_OPTIONS_SCHEMA_H
#define CLI_OPTIONS_SCHEMA_H

#include "cli/config_origin.h"
#include "cli/options_set.h"

/* What the options of a schema's parts mean together. origins: of OPTIONS_MAX. ERR_USAGE. */
bool options_check_schema(enum option_command command, const struct spec *spec,
                          const struct option_origin *origins, struct err *err) MUST_CHECK;

OPTION_SETTER(with_schema);
OPTION_SETTER(emit);
OPTION_SETTER(apply);
OPTION_SETTER(keep_going);
OPTION_SETTER(pg_bindir);
OPTION_SETTER(maintenance_memory);
OPTION_SETTER(maintenance_workers);

#endif
