/* report_flow.h: the summary's lines on the data plane. For the files of ui/. */
#ifndef UI_REPORT_FLOW_H
#define UI_REPORT_FLOW_H

#include "base/buf.h"
#include "ui/view.h"

/* Where the time went, kind of thread by kind, and the verdict. */
void report_time(const struct summary_view *v, struct buf *out);

/* Transactions, and those that were sent again. */
void report_transactions(const struct summary_view *v, struct buf *out);

/* What was compressed, put aside on disk, and when the source was given back; as far as any of it
 * happened. */
void report_aside(const struct summary_view *v, struct buf *out);

/* The routers of a shard group with their writers, and which of them failed or came back. */
void report_routers(const struct flow_view *f, struct buf *out);

/* A line a stream, at most REPORT_TABLES_MAX. */
void report_streams(const struct summary_view *v, struct buf *out);

#endif
