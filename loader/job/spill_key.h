/*
 * spill_key.h: the key of a spill file, kept in a file of its own: 64 hexadecimal digits and a line
 * break, readable by its owner only, outside of the directory of the spill file.
 */
#ifndef JOB_SPILL_KEY_H
#define JOB_SPILL_KEY_H

#include "base/err.h"

#define SPILL_KEY_FILE_BYTES 32u

/* Reads it; with may_make, makes it at the first use (0600, from the kernel's generator, on stable
 * storage before it is used). ERR_USAGE: it lies in spill_dir, others may read it, it is somebody
 * else's, or not such a file, or cannot be reached. ERR_SYSTEM. The caller wipes key. */
bool spill_key_from_file(const char *path, const char *spill_dir, bool may_make,
                         unsigned char key[SPILL_KEY_FILE_BYTES], struct err *err) MUST_CHECK;

/* A key for this process only. */
bool spill_key_random(unsigned char key[SPILL_KEY_FILE_BYTES], struct err *err) MUST_CHECK;

#endif
