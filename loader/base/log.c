#include "base/log.h"

#include "base/clock.h"
#include "base/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 8192 /* twice the longest finding */
#define STATUS_MAX  512
#define ESCAPE_MAX  6   /* "\u001b", the most that one byte becomes */
#define AROUND_MAX  256 /* time, level and quotes */

/* What is to be written, in one piece, so that lines of two processes do not mix. Fixed, so that
 * running out of memory can be logged. */
struct line {
    size_t len;
    char bytes[MESSAGE_MAX * ESCAPE_MAX + 2 * STATUS_MAX + AROUND_MAX];
};

static struct {
    struct mutex lock; /* guards the rest */
    enum log_level level;
    enum log_format format;
    char status[STATUS_MAX]; /* "" when no live line is shown */
    struct line line;
} sink = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .level = LOG_INFO};

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static void put(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->bytes - line->len;
    if (len > room) {
        len = room;
    }
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static bool continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The length of the UTF-8 character at text when it may be shown as it is, else 0: for a control
 * character (C1 ones included, which terminals obey too) and for what is not UTF-8, as a server
 * speaking another encoding may send. */
static size_t printable_len(const unsigned char *text)
{
    unsigned char lead = text[0];
    if (lead < 0x80) {
        return lead >= 0x20 && lead != 0x7F ? 1 : 0;
    }
    if (lead < 0xC2 || lead > 0xF4 || !continues(text[1])) {
        return 0;
    }
    if (lead < 0xE0) {
        return lead == 0xC2 && text[1] < 0xA0 ? 0 : 2;
    }
    bool overlong = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xF0 && text[1] < 0x90);
    bool unassigned = (lead == 0xED && text[1] > 0x9F) || (lead == 0xF4 && text[1] > 0x8F);
    if (overlong || unassigned || !continues(text[2])) {
        return 0;
    }
    if (lead < 0xF0) {
        return 3;
    }
    return continues(text[3]) ? 4 : 0;
}

static void put_code(struct line *line, unsigned char byte, enum log_format format)
{
    char code[ESCAPE_MAX + 1];

    if (byte == '\n') {
        put_text(line, "\\n");
    } else if (byte == '\t') {
        put_text(line, "\\t");
    } else {
        (void)snprintf(code, sizeof code, format == LOG_JSON ? "\\u%04x" : "\\x%02x", byte);
        put_text(line, code);
    }
}

static void put_escaped(struct line *line, const char *text, enum log_format format)
{
    while (*text != '\0') {
        size_t len = printable_len((const unsigned char *)text);
        if (len == 0) {
            put_code(line, (unsigned char)*text, format);
            len = 1;
        } else {
            if (format == LOG_JSON && (*text == '"' || *text == '\\')) {
                put_text(line, "\\");
            }
            put(line, text, len);
        }
        text += len;
    }
}

/* Nothing can be done, or said, about a stderr that is gone. */
static void write_out(const struct line *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t wrote = write(STDERR_FILENO, line->bytes + done, line->len - done);
        if (wrote < 0 && errno != EINTR) {
            return;
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
}

static void begin_locked(void) REQUIRES(sink.lock);
static void begin_locked(void)
{
    sink.line.len = 0;
    if (sink.status[0] != '\0') {
        put_text(&sink.line, "\r\033[K");
    }
}

static void end_locked(void) REQUIRES(sink.lock);
static void end_locked(void)
{
    put_text(&sink.line, sink.status);
    write_out(&sink.line);
}

static void put_json(struct line *line, enum log_level level, const char *message)
{
    char now[CLOCK_ISO_MAX];

    put_text(line, "{\"time\": \"");
    put_text(line, clock_iso(clock_wall_ms(), now));
    put_text(line, "\", \"level\": \"");
    put_text(line, level_names[level]);
    put_text(line, "\", \"message\": \"");
    put_escaped(line, message, LOG_JSON);
    put_text(line, "\"}\n");
}

static void put_plain(struct line *line, enum log_level level, const char *message)
{
    put_text(line, "sluice: ");
    if (level != LOG_INFO) {
        put_text(line, level_names[level]);
        put_text(line, ": ");
    }
    put_escaped(line, message, LOG_TEXT);
    put_text(line, "\n");
}

static void log_at(enum log_level level, const char *fmt, va_list args)
{
    char message[MESSAGE_MAX];
    int len = vsnprintf(message, sizeof message, fmt, args);
    if (len >= (int)sizeof message) {
        (void)snprintf(message + sizeof message - sizeof "...", sizeof "...", "...");
    }

    mutex_lock(&sink.lock);
    if (level <= sink.level && len >= 0) {
        begin_locked();
        if (sink.format == LOG_JSON) {
            put_json(&sink.line, level, message);
        } else {
            put_plain(&sink.line, level, message);
        }
        end_locked();
    }
    mutex_unlock(&sink.lock);
}

void log_open(enum log_level level, enum log_format format)
{
    mutex_lock(&sink.lock);
    sink.level = level;
    sink.format = format;
    mutex_unlock(&sink.lock);
}

void log_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_at(LOG_ERROR, fmt, args);
    va_end(args);
}

void log_warning(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_at(LOG_WARNING, fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_at(LOG_INFO, fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_at(LOG_DEBUG, fmt, args);
    va_end(args);
}

void log_status(const char *text)
{
    bool terminal = isatty(STDERR_FILENO) == 1;

    mutex_lock(&sink.lock);
    begin_locked();
    (void)snprintf(sink.status, sizeof sink.status, "%s", terminal ? text : "");
    end_locked();
    mutex_unlock(&sink.lock);
}

void log_plain(const char *text)
{
    /* Cut before it is escaped, so that the newline always fits. */
    char cut[MESSAGE_MAX];
    (void)snprintf(cut, sizeof cut, "%s", text);

    mutex_lock(&sink.lock);
    begin_locked();
    put_escaped(&sink.line, cut, LOG_TEXT);
    put_text(&sink.line, "\n");
    end_locked();
    mutex_unlock(&sink.lock);
}
