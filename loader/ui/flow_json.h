/* flow_json.h: what the data plane did, as JSON. For the files of ui/. */
#ifndef UI_FLOW_JSON_H
#define UI_FLOW_JSON_H

#include "ui/view.h"

#include <jansson.h>

/* {"read":12,...}: milliseconds by activity. NULL = no memory. */
json_t *flow_json_spent(const struct spent *s);

/* Adds spent_ms, transactions, spill and so on to object. False without memory. */
bool flow_json_put(json_t *object, const struct flow_view *f);

#endif
