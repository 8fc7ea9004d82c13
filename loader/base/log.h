/*
 * log.h: the one sink for log lines, and the only writer of stderr besides the progress line.
 *
 * Called by main and by the controlling thread; a worker returns its error instead. Lines are
 * written whole, under a lock, so any thread may call. Text form: "sluice: warning: ...";
 * JSON form: {"time": ..., "level": "warning", "message": "..."}.
 *
 * A terminal's live progress line shares stderr: log_status sets it, and every log line first
 * clears it and then draws it again. Values of control characters in messages are escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

void log_open(enum log_level level, enum log_format format); /* default LOG_INFO, LOG_TEXT */

void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Shows text as the live line (terminal only; no newline in it); "" takes it away. */
void log_status(const char *text);

/* A plain line on stderr, without prefix, whatever the level: plain progress. */
void log_plain(const char *text);

#endif
