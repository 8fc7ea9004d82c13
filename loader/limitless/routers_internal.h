/* routers_internal.h: what routers.c and routers_spread.c share. Nobody else includes it. */
#ifndef LIMITLESS_ROUTERS_INTERNAL_H
#define LIMITLESS_ROUTERS_INTERNAL_H

#include "limitless/routers.h"

/* 0..1; what is outside, or no number, is 1. */
double routers_sane_load(double load);

#endif
