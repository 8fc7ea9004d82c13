#include "ddl/emit.h"

#include <string.h>

void emit_comment(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        char c = *text;
        buf_add(out, (unsigned char)c < ' ' ? " " : &c, 1);
    }
}

static void add_settings(const struct emit_head *head, struct buf *out)
{
    buf_printf(out,
               "\nSET statement_timeout = 0;\nSET lock_timeout = 0;\n"
               "SET client_encoding = '%s';\nSET standard_conforming_strings = %s;\n"
               "SELECT pg_catalog.set_config('search_path', '', false);\n"
               "SET check_function_bodies = false;\nSET xmloption = content;\n"
               "SET client_min_messages = warning;\nSET row_security = off;\n"
               "SET default_tablespace = '';\n",
               head->encoding, head->backslashes ? "off" : "on");
}

static void add_head(const struct schema_plan *plan, enum schema_part part,
                     const struct emit_head *head, struct buf *out)
{
    size_t counts[SCHEMA_MARKS] = {0};
    size_t other = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->items[i].part == part && plan->items[i].origin != SCHEMA_OURS) {
            counts[plan->items[i].mark]++;
        }
        other += plan->items[i].part != part && plan->items[i].origin != SCHEMA_OURS;
    }
    buf_printf(out, "-- Sluice: what is made %s the rows are loaded.\n-- from: ",
               part == SCHEMA_BEFORE ? "before" : "after");
    emit_comment(out, head->source);
    buf_puts(out, "\n-- into: ");
    emit_comment(out, head->destination);
    buf_printf(out,
               "%s\n-- %zu objects: %zu carried, %zu changed, %zu left out; %zu more are in "
               "the other file.\n",
               head->is_limitless ? ", a shard group" : "",
               counts[SCHEMA_CARRIED] + counts[SCHEMA_CHANGED] + counts[SCHEMA_LEFT_OUT],
               counts[SCHEMA_CARRIED], counts[SCHEMA_CHANGED], counts[SCHEMA_LEFT_OUT], other);
    buf_puts(out, "-- Run it with psql --set ON_ERROR_STOP=1, or let \"sluice schema --apply\" do "
                  "it, which goes on\n-- where it ended.\n");
    add_settings(head, out);
}

static void add_item(const struct schema_item *item, struct buf *out)
{
    buf_puts(out, "\n-- ");
    emit_comment(out, item->type);
    buf_puts(out, " ");
    emit_comment(out, item->name);
    if (item->origin != SCHEMA_OURS) {
        buf_printf(out, ": %s", schema_mark_name(item->mark));
    }
    if (item->note != NULL) {
        buf_puts(out, "\n--   ");
        emit_comment(out, item->note);
    }
    buf_puts(out, "\n");
    bool several = item->statement_count > 1;
    buf_puts(out, several ? "BEGIN;\n" : "");
    for (size_t i = 0; i < item->statement_count; i++) {
        buf_printf(out, "%s;\n", item->statements[i]);
    }
    buf_puts(out, several ? "COMMIT;\n" : "");
}

void emit_part(const struct schema_plan *plan, enum schema_part part, const struct emit_head *head,
               struct buf *out)
{
    add_head(plan, part, head, out);
    if (part == SCHEMA_AFTER && head->positions[0] != '\0') {
        buf_puts(out, "\n-- Positions of the sequences, as they were at the source when this was "
                      "written.\n");
        buf_puts(out, head->positions);
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->items[i].part == part) {
            add_item(&plan->items[i], out);
        }
    }
}
