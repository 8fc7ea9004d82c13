/*
 * stop.h: how everybody learns that the run is to end.
 *
 *   RUN    work
 *   DRAIN  take no new chunk; what is in flight may finish (first SIGINT, SIGTERM or SIGHUP)
 *   ABORT  drop everything now (second signal, grace time over, or a fatal error)
 *
 * The level only rises. It is the one piece of process-wide state, because a signal handler
 * has no argument. Each level has an eventfd that becomes and stays readable, for poll.
 * Any thread may call; stop_raise is async-signal-safe.
 */
#ifndef FLOW_STOP_H
#define FLOW_STOP_H

#include "base/err.h"

enum stop_level { STOP_RUN, STOP_DRAIN, STOP_ABORT };

/* Makes the descriptors and installs the handlers; SIGPIPE is ignored. Once, before any thread. */
bool stop_open(struct err *err) MUST_CHECK;

enum stop_level stop_level(void);
void stop_raise(enum stop_level level);

/* -1 before stop_open. */
int stop_drain_fd(void);
int stop_abort_fd(void);

/* Waits for at most timeout_ms; false when fd (see above) became readable first. */
bool stop_wait(int fd, unsigned timeout_ms);

#endif
