#include "aws/date.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_MIN   1970
#define YEAR_MAX   9999
#define DAY_S      86400
#define SECOND_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct moment {
    int year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
};

const char *date_basic(int64_t unix_s, char out[DATE_BASIC_MAX])
{
    int64_t in_range = unix_s < 0 ? 0 : unix_s > SECOND_MAX ? SECOND_MAX : unix_s;
    time_t when = (time_t)in_range;
    struct tm tm = {0};

    (void)gmtime_r(&when, &tm);
    (void)strftime(out, DATE_BASIC_MAX, "%Y%m%dT%H%M%SZ", &tm);
    return out;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

static bool is_moment(const struct moment *m)
{
    return m->year >= YEAR_MIN && m->year <= YEAR_MAX && m->month >= 1 && m->month <= 12 &&
           m->day >= 1 && m->day <= days_in(m->year, m->month) && m->hour <= 23 &&
           m->minute <= 59 && m->second <= 59;
}

/* Days since 1970-01-01 of a moment that is one. */
static int64_t day_number(const struct moment *m)
{
    int64_t before = m->year - 1; /* whole years that have passed since the year 0 */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;

    for (int month = 1; month < m->month; month++) {
        days += days_in(m->year, month);
    }
    return days + m->day - 1;
}

static int64_t unix_seconds(const struct moment *m)
{
    return day_number(m) * DAY_S + (int64_t)m->hour * 3600 + (int64_t)m->minute * 60 + m->second;
}

/* The readers move *at behind what they have read, and leave it anywhere when they fail. */
static bool read_number(const char **at, int digits, int *number)
{
    int sum = 0;

    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        sum = sum * 10 + (**at - '0');
    }
    *number = sum;
    return true;
}

static bool read_text(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

/* One of count names of three letters each, which stand in a row. */
static bool read_name(const char **at, const char *names, int count, int *index)
{
    for (int i = 0; i < count; i++) {
        if (strncmp(*at, names + (ptrdiff_t)i * 3, 3) == 0) {
            *at += 3;
            *index = i;
            return true;
        }
    }
    return false;
}

static bool read_clock(const char **at, struct moment *m)
{
    return read_number(at, 2, &m->hour) && read_text(at, ":") && read_number(at, 2, &m->minute) &&
           read_text(at, ":") && read_number(at, 2, &m->second);
}

/* A fraction of a second is read over. */
static bool skip_fraction(const char **at)
{
    if (**at != '.') {
        return true;
    }
    size_t digits = strspn(*at + 1, "0123456789");
    *at += digits + 1;
    return digits > 0;
}

/* "Z", "+01:00", "-07:30": how far that clock is ahead of UTC. */
static bool read_zone(const char **at, int64_t *ahead_s)
{
    int hour = 0;
    int minute = 0;
    char sign = **at;

    if (read_text(at, "Z")) {
        *ahead_s = 0;
        return true;
    }
    if ((sign != '+' && sign != '-') || !read_text(at, sign == '+' ? "+" : "-") ||
        !read_number(at, 2, &hour) || !read_text(at, ":") || !read_number(at, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    *ahead_s = (sign == '+' ? 1 : -1) * ((int64_t)hour * 3600 + (int64_t)minute * 60);
    return true;
}

bool date_parse_iso(const char *text, int64_t *unix_s)
{
    struct moment m = {0};
    int64_t ahead_s = 0;
    const char *at = text;

    if (!read_number(&at, 4, &m.year) || !read_text(&at, "-") || !read_number(&at, 2, &m.month) ||
        !read_text(&at, "-") || !read_number(&at, 2, &m.day) || !read_text(&at, "T") ||
        !read_clock(&at, &m) || !skip_fraction(&at) || !read_zone(&at, &ahead_s) || *at != '\0' ||
        !is_moment(&m)) {
        return false;
    }
    int64_t seconds = unix_seconds(&m) - ahead_s;
    if (seconds < 0 || seconds > SECOND_MAX) {
        return false;
    }
    *unix_s = seconds;
    return true;
}

bool date_parse_http(const char *text, int64_t *unix_s)
{
    struct moment m = {0};
    int weekday = 0;
    const char *at = text;

    /* The week begins with the day on which the count of days does. */
    if (!read_name(&at, "ThuFriSatSunMonTueWed", 7, &weekday) || !read_text(&at, ", ") ||
        !read_number(&at, 2, &m.day) || !read_text(&at, " ") ||
        !read_name(&at, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &m.month) ||
        !read_text(&at, " ") || !read_number(&at, 4, &m.year) || !read_text(&at, " ") ||
        !read_clock(&at, &m) || !read_text(&at, " GMT") || *at != '\0') {
        return false;
    }
    m.month++;
    if (!is_moment(&m) || day_number(&m) % 7 != weekday) {
        return false;
    }
    *unix_s = unix_seconds(&m);
    return true;
}
