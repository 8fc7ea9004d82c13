/* yaml_text.h: texts as YAML. Pure. */
#ifndef CLI_YAML_TEXT_H
#define CLI_YAML_TEXT_H

#include "base/buf.h"

#include <stdbool.h>

/* Plain where every reader of YAML takes it for this text, else in double quotes, on one line. What
 * is not UTF-8 comes out as U+FFFD. number_is_fine: a decimal number stays as it is. */
void yaml_add_text(struct buf *out, const char *text, bool number_is_fine);

#endif
