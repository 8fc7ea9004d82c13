/* How long a load takes, and how large a shard group has to be. */
#include "limitless/assess_internal.h"

#define STREAM_RATE (UINT64_C(12) << 20) /* bytes a second that one stream is good for */
#define STREAMS_MAX 64u
#define ACU_BYTES   (UINT64_C(2) << 30)
#define HOT_SHARE   10u /* one part in so many of the data is in use at a time */

/* "DB shard group capacity": routers and shards by the maximum capacity at creation. */
static const struct assess_capacity capacities[ASSESS_CAPACITIES] = {
    {16,   400,  2, 2 },
    {401,  500,  2, 3 },
    {501,  600,  2, 4 },
    {601,  700,  3, 4 },
    {701,  800,  3, 5 },
    {801,  900,  3, 6 },
    {901,  1000, 4, 6 },
    {1001, 1100, 4, 7 },
    {1101, 1200, 4, 8 },
    {1201, 1300, 5, 8 },
    {1301, 1400, 5, 9 },
    {1401, 1500, 5, 10},
    {1501, 1600, 6, 10},
    {1601, 1700, 6, 11},
    {1701, 1800, 6, 12},
    {1801, 1900, 7, 12},
    {1901, 2000, 7, 13},
    {2001, 2100, 7, 14},
    {2101, 2200, 8, 14},
    {2201, 2300, 8, 15},
    {2301, 6144, 8, 16},
};

static void size_load(const struct work *w, struct assess_load *out)
{
    out->rate_bytes_s = w->request->rate_bytes_s == 0 ? ASSESS_RATE : w->request->rate_bytes_s;
    for (size_t t = 0; t < w->survey->table_count; t++) {
        out->bytes += w->out->tables[t].is_left_out ? 0 : w->survey->tables[t].bytes;
    }
    uint64_t streams = (out->rate_bytes_s + STREAM_RATE - 1) / STREAM_RATE;
    out->streams = streams > STREAMS_MAX ? STREAMS_MAX : (unsigned)streams;
    out->connections = 2 * out->streams + 2;
    out->seconds = (out->bytes + out->rate_bytes_s - 1) / out->rate_bytes_s;
}

static size_t fitting(uint64_t bytes)
{
    uint64_t acu = (bytes / HOT_SHARE + ACU_BYTES - 1) / ACU_BYTES;
    size_t row = 0;
    while (row + 1 < ASSESS_CAPACITIES && capacities[row].acu_to < acu) {
        row++;
    }
    return row;
}

void size_up(struct work *w)
{
    uint64_t bytes = 0;
    size_load(w, &w->out->load);
    for (size_t t = 0; t < w->survey->table_count; t++) {
        const struct survey_table *table = &w->survey->tables[t];
        bytes += w->out->tables[t].is_left_out ? 0 : table->bytes + table->index_bytes;
    }
    w->out->capacity = capacities;
    w->out->capacity_fit = fitting(bytes);
}
