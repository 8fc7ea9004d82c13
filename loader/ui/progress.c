#include "ui/progress.h"

#include "base/str.h"
#include "ui/plain.h"
#include "ui/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_DEFAULT 80 /* when the terminal does not say */
#define BAR_MIN       6  /* columns between the brackets; below that the bar is left out */
#define BAR_MAX       40
#define BAR_FRAME     3    /* two brackets and a space */
#define ETA_AFTER_MS  2000 /* what earlier rates say is noise */
#define PART_MAX      64
#define WHY_MAX       192
#define NOTICE_MAX    ((size_t)4 * ERR_MSG_MAX)

#define GREEN  "\x1B[32m"
#define YELLOW "\x1B[33m"
#define BOLD   "\x1B[1m"
#define PLAIN  "\x1B[0m"

__extension__ typedef unsigned __int128 wide;

unsigned progress_percent(const struct progress_view *v)
{
    uint64_t part = v->planned_bytes > 0 ? v->done_bytes : v->chunks_done;
    uint64_t whole = v->planned_bytes > 0 ? v->planned_bytes : v->chunks_total;

    if (v->chunks_total == 0) {
        return 0;
    }
    if (v->chunks_done >= v->chunks_total) {
        return 100;
    }
    return part >= whole ? 99 : (unsigned)((wide)part * 100 / whole);
}

/* By this run's own average: the rate of the last seconds jumps when a large chunk commits. */
uint64_t progress_eta_ms(const struct progress_view *v)
{
    if (v->chunks_total > 0 && v->chunks_done >= v->chunks_total) {
        return 0;
    }
    if (v->elapsed_ms < ETA_AFTER_MS || v->done_bytes <= v->done_bytes_at_start ||
        v->planned_bytes == 0) {
        return UINT64_MAX;
    }
    uint64_t left = v->planned_bytes > v->done_bytes ? v->planned_bytes - v->done_bytes : 0;
    wide eta_ms = (wide)left * v->elapsed_ms / (v->done_bytes - v->done_bytes_at_start);
    return eta_ms >= UINT64_MAX ? UINT64_MAX : (uint64_t)eta_ms;
}

/* "9,999", "12.3k", "1.23M": at most six columns up to 10^15, so that the line holds still. */
static const char *compact_count(uint64_t count, char out[STR_HUMAN_MAX])
{
    static const char units[] = "kMGTPE";
    size_t unit = 0;
    uint64_t hundredths = count >= 10000 ? count / 10 : 0; /* of a thousand, cut off */

    if (hundredths == 0) {
        return human_count(count, out);
    }
    for (; hundredths >= 100000; hundredths /= 1000) {
        unit++;
    }
    unsigned whole = (unsigned)(hundredths / 100);
    unsigned rest = (unsigned)(hundredths % 100);
    if (whole >= 100) {
        (void)snprintf(out, STR_HUMAN_MAX, "%u%c", whole, units[unit]);
    } else if (whole >= 10) {
        (void)snprintf(out, STR_HUMAN_MAX, "%u.%u%c", whole, rest / 10, units[unit]);
    } else {
        (void)snprintf(out, STR_HUMAN_MAX, "%u.%02u%c", whole, rest, units[unit]);
    }
    return out;
}

const char *progress_duration(uint64_t duration_ms, char out[STR_HUMAN_MAX])
{
    if (duration_ms >= 60000) {
        return human_duration(duration_ms, out);
    }
    (void)snprintf(out, STR_HUMAN_MAX, "%u s", (unsigned)(duration_ms / 1000));
    return out;
}

/* The terminal's line: a bar, the percent, and parts that fall away when there is no room. */

enum {
    PART_ROWS,
    PART_BYTES,
    PART_CHUNKS,
    PART_ETA,
    PART_STREAMS,
    PART_WHY,
    PART_RETRIES,
    PART_COUNT
};

struct line {
    const struct progress_view *view;
    bool color;
    char parts[PART_COUNT][WHY_MAX]; /* "" when there is nothing to say or no room */
    struct buf *out;
};

static void make_rates(const struct progress_view *v, struct line *line)
{
    char number[STR_HUMAN_MAX];
    char rate[PART_MAX];

    (void)snprintf(line->parts[PART_ROWS], PART_MAX, "%6s rows/s",
                   compact_count(v->rows_per_s, number));
    (void)snprintf(rate, sizeof(rate), "%s/s", human_bytes(v->wire_bytes_per_s, number));
    (void)snprintf(line->parts[PART_BYTES], PART_MAX, "%10s", rate);
}

/* Padded to the width of the last one, so that the bar does not jump. */
static void make_chunks(const struct progress_view *v, struct line *line)
{
    char done[STR_HUMAN_MAX];
    char total[STR_HUMAN_MAX];
    int width = (int)strlen(human_count(v->chunks_total, total));

    (void)snprintf(line->parts[PART_CHUNKS], PART_MAX, "%*s/%s chunks", width,
                   human_count(v->chunks_done, done), total);
}

static void make_eta(const struct progress_view *v, struct line *line)
{
    char text[STR_HUMAN_MAX] = "-";
    uint64_t eta_ms = progress_eta_ms(v);

    if (eta_ms != UINT64_MAX) {
        (void)progress_duration(eta_ms, text);
    }
    (void)snprintf(line->parts[PART_ETA], PART_MAX, "ETA %-10s", text);
}

/* With --jobs auto only: otherwise they are as given. */
static void make_streams(const struct progress_view *v, struct line *line)
{
    if (v->flow.jobs_auto) {
        (void)snprintf(line->parts[PART_STREAMS], PART_MAX, "%u readers, %u writers",
                       v->flow.readers_active, v->flow.writers_active);
    }
}

static void make_why(const struct progress_view *v, struct line *line, enum why_length length)
{
    struct buf text;
    buf_init(&text, WHY_MAX);
    why_live(v, length, &text);
    (void)snprintf(line->parts[PART_WHY], WHY_MAX, "%s", text.failed ? "" : buf_str(&text));
    buf_free(&text);
}

static size_t parts_columns(const struct line *line)
{
    size_t columns = 4; /* " 43%" */

    for (size_t i = 0; i < PART_COUNT; i++) {
        size_t len = strlen(line->parts[i]);
        columns += len == 0 ? 0 : len + 2;
    }
    return columns;
}

/* Shortens and drops parts, the least useful first, until the rest fits, if only without a bar:
 * why it is slow says more than a bar and the count of chunks. */
static void drop_parts(struct line *line, size_t width)
{
    static const struct {
        unsigned part;
        enum why_length shorter; /* WHY_FULL: drop it */
    } steps[] = {
        {PART_RETRIES, WHY_FULL },
        {PART_CHUNKS,  WHY_FULL },
        {PART_STREAMS, WHY_FULL },
        {PART_WHY,     WHY_SHORT},
        {PART_BYTES,   WHY_FULL },
        {PART_WHY,     WHY_HEAD },
        {PART_WHY,     WHY_FULL },
        {PART_ROWS,    WHY_FULL },
        {PART_ETA,     WHY_FULL },
    };

    if (parts_columns(line) + BAR_MIN + BAR_FRAME > width) {
        line->parts[PART_RETRIES][0] = '\0';
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && parts_columns(line) > width; i++) {
        if (steps[i].shorter != WHY_FULL) {
            make_why(line->view, line, steps[i].shorter);
        } else {
            line->parts[steps[i].part][0] = '\0';
        }
    }
}

static void paint(const struct line *line, const char *color)
{
    if (line->color) {
        buf_puts(line->out, color);
    }
}

static void add_bar(const struct line *line, size_t inside)
{
    size_t filled = inside * progress_percent(line->view) / 100;

    buf_puts(line->out, "[");
    paint(line, GREEN);
    for (size_t i = 0; i < inside; i++) {
        buf_puts(line->out, i < filled ? "=" : i == filled ? ">" : " ");
    }
    paint(line, PLAIN);
    buf_puts(line->out, "] ");
}

/* As large as there is room for beside the other columns. */
static void add_bar_and_percent(const struct line *line, size_t others, size_t width)
{
    size_t room = width > others + BAR_FRAME ? width - others - BAR_FRAME : 0;

    if (room >= BAR_MIN) {
        add_bar(line, room > BAR_MAX ? BAR_MAX : room);
    }
    paint(line, BOLD);
    buf_printf(line->out, "%3u%%", progress_percent(line->view));
    paint(line, PLAIN);
}

/* While nothing moves, the reason takes the place of the rates and may use all the room. */
static void add_notice(const struct line *line, const char *notice, size_t width)
{
    const size_t others = 4 + 2; /* " 43%" and two spaces */

    add_bar_and_percent(line, others + plain_columns(notice), width);
    if (width > others) {
        buf_puts(line->out, "  ");
        paint(line, YELLOW);
        (void)plain_add(line->out, notice, width - others);
        paint(line, PLAIN);
    }
}

static void fail(struct buf *out)
{
    buf_clear(out);
    out->failed = true;
}

/* NULL when the load just runs. The caller frees. */
static char *notice_of(const struct progress_view *v, bool *no_memory)
{
    struct buf text;
    char *reason = v->waiting_for == NULL ? NULL : plain_first_line(v->waiting_for);

    buf_init(&text, NOTICE_MAX);
    if (v->draining) {
        buf_printf(&text, "stopping: %u stream%s to finish%s", v->streams_busy,
                   v->streams_busy == 1 ? "" : "s", reason == NULL ? "" : "; ");
    }
    if (reason != NULL) {
        buf_printf(&text, "waiting: %s", reason);
    }
    free(reason);
    *no_memory = text.failed;
    if (text.len == 0) {
        buf_free(&text);
        return NULL;
    }
    return buf_take(&text);
}

static void add_parts(struct line *line, size_t width)
{
    const struct progress_view *v = line->view;

    make_rates(v, line);
    make_chunks(v, line);
    make_eta(v, line);
    make_streams(v, line);
    make_why(v, line, WHY_FULL);
    if (v->retries > 0) {
        (void)snprintf(line->parts[PART_RETRIES], PART_MAX, "%u %s", v->retries,
                       v->retries == 1 ? "retry" : "retries");
    }
    drop_parts(line, width);
    add_bar_and_percent(line, parts_columns(line), width);
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (line->parts[i][0] != '\0') {
            buf_printf(line->out, "  %s", line->parts[i]);
        }
    }
}

void progress_tty(const struct progress_view *v, unsigned width, bool color, struct buf *out)
{
    struct line line = {.view = v, .color = color, .out = out};
    bool no_memory = false;
    size_t columns = width == 0 ? WIDTH_DEFAULT : width;

    if (columns < 4) {
        return; /* not even " 43%" */
    }
    char *notice = notice_of(v, &no_memory);
    if (columns > 8) {
        columns--; /* some terminals move on when the last column is written */
    }
    if (notice != NULL) {
        add_notice(&line, notice, columns);
    } else {
        add_parts(&line, columns);
    }
    free(notice);
    if (no_memory) {
        fail(out);
    }
}

static void add_plain_rates(const struct progress_view *v, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    uint64_t eta_ms = progress_eta_ms(v);

    buf_printf(out, "%s rows/s, ", human_count(v->rows_per_s, number));
    buf_printf(out, "%s/s", human_bytes(v->wire_bytes_per_s, number));
    if (eta_ms != UINT64_MAX) {
        buf_printf(out, ", %s to go", progress_duration(eta_ms, number));
    }
}

static void add_plain_flow(const struct progress_view *v, struct buf *out)
{
    struct buf text;
    buf_init(&text, WHY_MAX);
    why_live(v, WHY_FULL, &text);
    if (text.len > 0 && !text.failed) {
        buf_printf(out, ", %s", buf_str(&text));
    }
    if (v->flow.jobs_auto) {
        buf_printf(out, ", %u readers and %u writers at work", v->flow.readers_active,
                   v->flow.writers_active);
    }
    buf_free(&text);
}

void progress_plain(const struct progress_view *v, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    bool no_memory = false;
    char *notice = notice_of(v, &no_memory);

    buf_printf(out, "%s: ", progress_duration(v->elapsed_ms, number));
    buf_printf(out, "%u%% of %s, ", progress_percent(v), human_bytes(v->planned_bytes, number));
    buf_printf(out, "%s rows, ", human_count(v->rows_committed, number));
    buf_printf(out, "%zu of %s chunks, ", v->chunks_done, human_count(v->chunks_total, number));
    buf_printf(out, "%zu of %s tables, ", v->tables_done, human_count(v->tables_total, number));
    if (notice != NULL) {
        (void)plain_add(out, notice, PLAIN_ALL);
    } else {
        add_plain_rates(v, out);
        add_plain_flow(v, out);
    }
    if (v->retries > 0) {
        buf_printf(out, ", %u %s", v->retries, v->retries == 1 ? "retry" : "retries");
    }
    free(notice);
    if (no_memory) {
        fail(out);
    }
}
