#include "job/table_rule.h"

#include <stdlib.h>

void text_list_free(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct text_list){0};
}

static void column_rules_free(struct column_rule *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(columns[i].column);
        free(columns[i].rename);
        free(columns[i].expression);
        free(columns[i].type);
    }
    free(columns);
}

void table_rules_free(struct table_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        struct table_rule *r = &rules->items[i];
        free(r->pattern);
        text_list_free(&r->shard_key);
        free(r->collocate_with);
        free(r->where);
        free(r->to_schema);
        free(r->to_table);
        column_rules_free(r->columns, r->column_count);
    }
    free(rules->items);
    *rules = (struct table_rules){0};
}
