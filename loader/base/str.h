/*
 * str.h: strict readers for what people type, and writers for what people read. Pure.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* "64kB", "256MB", "1GB", "1TB", "512" (bytes), "8 MB"; units are powers of 1024 and case does not
 * matter. ERR_USAGE on anything else, on overflow, and on a value outside [min, max]; what names
 * the option in the message. */
bool parse_size(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *bytes,
                struct err *err) MUST_CHECK;

/* "500ms", "30s", "5min", "5m", "1h", "2d", "0"; a bare number is seconds. ERR_USAGE as above. */
bool parse_duration(const char *text, const char *what, uint64_t *duration_ms,
                    struct err *err) MUST_CHECK;

/* Decimal digits only. ERR_USAGE as above. */
bool parse_count(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *count,
                 struct err *err) MUST_CHECK;

#define STR_HUMAN_MAX 32

/* "1.5 GB", "64 kB", "17 B". Writes at most STR_HUMAN_MAX bytes and returns out. */
const char *human_bytes(uint64_t bytes, char out[STR_HUMAN_MAX]);
/* "1,234,567" */
const char *human_count(uint64_t count, char out[STR_HUMAN_MAX]);
/* "850 ms", "12.3 s", "3 min 20 s", "2 h 05 min" */
const char *human_duration(uint64_t duration_ms, char out[STR_HUMAN_MAX]);

/* 64-bit FNV-1a over text and a closing zero byte, so that ("a","bc") and ("ab","c") differ when
 * chained. Start with STR_HASH_START. For names, not for security. */
#define STR_HASH_START 14695981039346656037u
uint64_t str_hash(uint64_t hash, const char *text);

/* strdup that takes NULL and gives NULL for it. The caller frees. */
char *str_copy(const char *text);

#endif
