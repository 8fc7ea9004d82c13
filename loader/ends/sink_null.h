/* sink_null.h: a sink (flow/ends.h) that throws rows away, to measure a source alone. */
#ifndef ENDS_SINK_NULL_H
#define ENDS_SINK_NULL_H

#include "flow/ends.h"

struct sink sink_null_ops(void); /* has no state: any number of writers may use it */

#endif
