/* nearest.h: how far a mistyped name is from a known one. Pure. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

#define NEAREST_MAX 40 /* bytes of a name that are compared, and shown */

/* Letters to change, add or take away. 0 for the beginning of a name, as people type it. name is
 * len bytes long, need not end in a NUL, and is looked at up to NEAREST_MAX. */
size_t nearest_distance(const char *name, size_t len, const char *known);

/* From here on it is another name: a third of it may differ, or two letters. */
size_t nearest_limit(size_t len);

#endif
