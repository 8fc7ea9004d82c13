/* date.h: the three ways in which AWS writes a moment. Pure; Unix seconds; thread-safe. */
#ifndef AWS_DATE_H
#define AWS_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_BASIC_MAX 17
/* "20150830T123600Z"; returns out. Years 1970 to 9999. */
const char *date_basic(int64_t unix_s, char out[DATE_BASIC_MAX]);

/* "2021-09-21T18:41:26Z", also with a fraction or an offset (+00:00). False when it is not one. */
bool date_parse_iso(const char *text, int64_t *unix_s);

/* "Tue, 21 Sep 2021 17:41:25 GMT", as in the Date header; no locale is asked. */
bool date_parse_http(const char *text, int64_t *unix_s);

#endif
