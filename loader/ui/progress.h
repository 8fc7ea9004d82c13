/* progress.h: one moment of a load as a line. Pure functions of the view. */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include "base/buf.h"
#include "base/str.h"
#include "ui/view.h"

/* The live terminal line, at most width columns, no newline, with colour when asked (NO_COLOR is
 * the caller's to read): a bar, percent, rows/s, MB/s, chunks, ETA, and what it is bound by; what
 * it waits for instead of the rates while nothing moves. */
void progress_tty(const struct progress_view *v, unsigned width, bool color, struct buf *out);
/* A plain line of the same, no newline. */
void progress_plain(const struct progress_view *v, struct buf *out);
/* {"event":"progress",...} in one line, no newline. jansson. */
void progress_json(const struct progress_view *v, struct buf *out);

/* Milliseconds to go, by relation bytes; UINT64_MAX while unknown. */
uint64_t progress_eta_ms(const struct progress_view *v);
/* As people read it, without tenths of seconds, which would only flicker. Returns out. */
const char *progress_duration(uint64_t duration_ms, char out[STR_HUMAN_MAX]);
/* 0..100; 100 only when every chunk is done. */
unsigned progress_percent(const struct progress_view *v);

#endif
