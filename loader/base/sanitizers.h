/* sanitizers.h: which sanitizer this is built with, for the few places that have to know. gcc says
 * it by macros, clang by features. */
#ifndef BASE_SANITIZERS_H
#define BASE_SANITIZERS_H

#ifdef __has_feature
#define SANITIZER_FEATURE(name) __has_feature(name)
#else
#define SANITIZER_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZER_FEATURE(address_sanitizer)
#define SANITIZER_ADDRESS 1
#else
#define SANITIZER_ADDRESS 0
#endif

/* Those that put their own malloc and free in the place of the C library's. */
#if SANITIZER_ADDRESS || defined(__SANITIZE_THREAD__) || SANITIZER_FEATURE(thread_sanitizer) || \
    SANITIZER_FEATURE(memory_sanitizer)
#define SANITIZER_HEAP 1
#else
#define SANITIZER_HEAP 0
#endif

#endif
