/* Which columns mean the same thing, and which tables foreign keys connect. */
#include "limitless/assess_internal.h"

#include <stdlib.h>
#include <string.h>

#define REFERENCE_SHARE 0.05 /* of the rows of the largest table that points at it */
#define REFERENCE_ROWS  1000000.0
#define REFERENCE_BYTES (UINT64_C(1) << 30)

/* ---- small questions ---- */

const struct survey_column *column_of(const struct work *w, size_t table, size_t column)
{
    return &w->survey->tables[table].columns[column];
}

bool key_has(const struct survey_key *k, size_t column)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->columns[i] == column) {
            return true;
        }
    }
    return false;
}

bool is_whole_key(const struct survey_table *t, size_t column)
{
    for (size_t i = 0; i < t->key_count; i++) {
        const struct survey_key *k = &t->keys[i];
        if (k->count == 1 && !k->partial && k->columns[0] == column) {
            return true;
        }
    }
    return false;
}

bool has_primary_key(const struct survey_table *t)
{
    return t->key_count > 0 && t->keys[0].primary;
}

bool in_primary_key(const struct survey_table *t, size_t column)
{
    return has_primary_key(t) && key_has(&t->keys[0], column);
}

bool is_stored(const struct survey_table *t)
{
    return t->kind == 'r' || t->kind == 'p';
}

bool is_large(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    bool by_bytes = w->large_rows >= ASSESS_LARGE_ROWS && t->bytes >= ASSESS_LARGE_BYTES;
    return may_stand(w, table) && (t->rows >= w->large_rows || by_bytes) && !w->may_refer[table];
}

/* ---- classes ---- */

static size_t find(size_t *class_of, size_t node)
{
    while (class_of[node] != node) {
        class_of[node] = class_of[class_of[node]];
        node = class_of[node];
    }
    return node;
}

size_t class_of(const struct work *w, size_t table, size_t column)
{
    return find(w->class_of, w->first_node[table] + column);
}

size_t table_of_node(const struct work *w, size_t node)
{
    size_t low = 0;
    size_t high = w->survey->table_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (w->first_node[middle] <= node) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The smaller number is the root, so that the order of joining does not show. */
static void join(struct work *w, size_t a, size_t b, bool by_name)
{
    a = find(w->class_of, a);
    b = find(w->class_of, b);
    size_t root = a < b ? a : b;
    size_t other = a < b ? b : a;
    if (root != other) {
        w->by_name[root] = w->by_name[root] || w->by_name[other] || by_name;
        w->class_of[other] = root;
    }
}

static void join_links(struct work *w)
{
    for (size_t i = 0; i < w->survey->link_count; i++) {
        const struct survey_link *l = &w->survey->links[i];
        if (l->parent == SURVEY_NONE || l->parent == l->child) {
            continue;
        }
        for (size_t k = 0; k < l->count; k++) {
            join(w, w->first_node[l->child] + l->child_columns[k],
                 w->first_node[l->parent] + l->parent_columns[k], false);
        }
    }
}

/* ---- names, where foreign keys say nothing ---- */

#define PLAIN_ID_MIN 6 /* "paid" and "valid" are no ids, "tenantid" is one */

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name);
    size_t end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* A name that looks as if it pointed somewhere: "tenant_id", "OrderId", "store_no". */
static bool points(const char *name)
{
    static const char *const ends[] = {"_id", "Id", "ID", "_no", "_key", "_code", "_uuid"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_in(name, ends[i])) {
            return true;
        }
    }
    return strlen(name) >= PLAIN_ID_MIN && ends_in(name, "id");
}

struct named_node {
    const char *name;
    const char *type;
    size_t node;
    bool linked; /* a foreign key says what it means */
};

static int by_name_and_type(const void *a, const void *b)
{
    const struct named_node *x = a;
    const struct named_node *y = b;
    int order = strcmp(x->name, y->name);
    order = order != 0 ? order : strcmp(x->type, y->type);
    return order != 0 ? order : (x->node > y->node) - (x->node < y->node);
}

/* A column that points at its own table has no meaning for others. */
static bool points_home(const struct work *w, size_t table, size_t column)
{
    const struct links_of *up = &w->up[table];
    for (size_t i = 0; i < up->count; i++) {
        const struct survey_link *l = &w->survey->links[up->items[i]];
        for (size_t k = 0; l->parent == l->child && k < l->count; k++) {
            if (l->child_columns[k] == column && l->parent_columns[k] != column) {
                return true;
            }
        }
    }
    return false;
}

static size_t name_nodes(struct work *w, struct named_node *nodes)
{
    size_t count = 0;
    for (size_t t = 0; t < w->survey->table_count; t++) {
        const struct survey_table *table = &w->survey->tables[t];
        for (size_t c = 0; c < table->column_count; c++) {
            const struct survey_column *column = &table->columns[c];
            size_t node = w->first_node[t] + c;
            if (may_stand(w, t) && points(column->name) && key_type_fits(column) &&
                !points_home(w, t, c)) {
                bool linked = w->member_count[find(w->class_of, node)] > 1;
                nodes[count++] = (struct named_node){column->name, column->type, node, linked};
            }
        }
    }
    return count;
}

/* What foreign keys say of one of them they mean for all of that name, unless they say two
 * different things. */
static void join_run(struct work *w, const struct named_node *run, size_t count)
{
    size_t anchor = SURVEY_NONE;
    bool torn = false;
    for (size_t i = 0; i < count; i++) {
        size_t class = find(w->class_of, run[i].node);
        torn = torn || (run[i].linked && anchor != SURVEY_NONE && anchor != class);
        anchor = run[i].linked ? class : anchor;
    }
    anchor = torn ? SURVEY_NONE : anchor;
    for (size_t i = 0; i < count; i++) {
        if (!run[i].linked) {
            anchor = anchor == SURVEY_NONE ? run[i].node : anchor;
            join(w, anchor, run[i].node, true);
        }
    }
}

static bool is_same_name(const struct named_node *a, const struct named_node *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0;
}

static void join_names(struct work *w)
{
    size_t all = w->first_node[w->survey->table_count];
    struct named_node *nodes = work_items(w, all, sizeof *nodes);
    for (size_t n = 0; n < all; n++) {
        w->member_count[find(w->class_of, n)]++;
    }
    size_t count = nodes == NULL ? 0 : name_nodes(w, nodes);
    if (count > 0) {
        qsort(nodes, count, sizeof *nodes, by_name_and_type);
    }
    for (size_t i = 0, end = 0; i < count; i = end) {
        while (end < count && is_same_name(&nodes[i], &nodes[end])) {
            end++;
        }
        join_run(w, nodes + i, end - i);
    }
    memset(w->member_count, 0, (all + 1) * sizeof(size_t));
    free(nodes);
}

/* ---- members, links by table, clusters ---- */

static void list_members(struct work *w)
{
    size_t nodes = w->first_node[w->survey->table_count];
    size_t at = 0;
    for (size_t n = 0; n < nodes; n++) {
        w->member_count[find(w->class_of, n)]++;
    }
    for (size_t n = 0; n < nodes; n++) {
        w->member_at[n] = at;
        at += w->member_count[n];
        w->member_count[n] = 0;
    }
    for (size_t n = 0; n < nodes; n++) {
        size_t root = find(w->class_of, n);
        w->members[w->member_at[root] + w->member_count[root]++] = n;
    }
}

static void count_links(struct work *w)
{
    for (size_t i = 0; i < w->survey->link_count; i++) {
        const struct survey_link *l = &w->survey->links[i];
        w->up[l->child].count++;
        if (l->parent != SURVEY_NONE) {
            w->down[l->parent].count++;
            w->no_links = w->no_links && l->parent == l->child;
        }
    }
}

static void list_links(struct work *w)
{
    size_t *next = w->link_items;
    w->no_links = true;
    count_links(w);
    for (size_t t = 0; t < w->survey->table_count; t++) {
        w->up[t].items = next;
        next += w->up[t].count;
        w->down[t].items = next;
        next += w->down[t].count;
        w->up[t].count = 0;
        w->down[t].count = 0;
    }
    for (size_t i = 0; i < w->survey->link_count; i++) {
        const struct survey_link *l = &w->survey->links[i];
        w->up[l->child].items[w->up[l->child].count++] = i;
        if (l->parent != SURVEY_NONE) {
            w->down[l->parent].items[w->down[l->parent].count++] = i;
        }
    }
}

static void add_to_cluster(struct work *w, size_t table, size_t cluster, size_t *end)
{
    if (w->out->tables[table].cluster == SURVEY_NONE) {
        w->out->tables[table].cluster = cluster;
        w->queue[(*end)++] = table;
    }
}

static void find_cluster(struct work *w, size_t start, size_t cluster)
{
    size_t end = 0;
    add_to_cluster(w, start, cluster, &end);
    for (size_t i = 0; i < end; i++) {
        size_t t = w->queue[i];
        for (size_t k = 0; k < w->up[t].count; k++) {
            const struct survey_link *l = &w->survey->links[w->up[t].items[k]];
            if (l->parent != SURVEY_NONE) {
                add_to_cluster(w, l->parent, cluster, &end);
            }
        }
        for (size_t k = 0; k < w->down[t].count; k++) {
            add_to_cluster(w, w->survey->links[w->down[t].items[k]].child, cluster, &end);
        }
    }
}

static bool has_neighbour(const struct work *w, size_t table)
{
    for (size_t k = 0; k < w->up[table].count; k++) {
        size_t parent = w->survey->links[w->up[table].items[k]].parent;
        if (parent != SURVEY_NONE && parent != table) {
            return true;
        }
    }
    for (size_t k = 0; k < w->down[table].count; k++) {
        if (w->survey->links[w->down[table].items[k]].child != table) {
            return true;
        }
    }
    return false;
}

static void find_clusters(struct work *w)
{
    for (size_t t = 0; t < w->survey->table_count; t++) {
        if (w->out->tables[t].cluster == SURVEY_NONE && has_neighbour(w, t)) {
            find_cluster(w, t, w->out->cluster_count++);
        }
    }
}

/* ---- who may be a reference table ---- */

/* A copy on every shard: only what is small, and small beside those that point at it. */
static bool may_refer(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    double rows = 0;
    for (size_t i = 0; i < w->down[table].count; i++) {
        const struct survey_table *child =
            &w->survey->tables[w->survey->links[w->down[table].items[i]].child];
        rows = child != t && child->rows > rows ? child->rows : rows;
    }
    return has_primary_key(t) && t->rows <= rows * REFERENCE_SHARE && t->rows <= REFERENCE_ROWS &&
           t->bytes <= REFERENCE_BYTES;
}

/* What it points at would have to be a reference table too: a foreign key from one to anything
 * else is refused. */
static bool parents_may(const struct work *w, size_t table)
{
    for (size_t i = 0; i < w->up[table].count; i++) {
        size_t parent = w->survey->links[w->up[table].items[i]].parent;
        if (parent != SURVEY_NONE && parent != table && is_large(w, parent)) {
            return false;
        }
    }
    return true;
}

static void find_references(struct work *w)
{
    bool changed = true;
    for (size_t t = 0; t < w->survey->table_count; t++) {
        w->may_refer[t] = may_refer(w, t);
    }
    while (changed) {
        changed = false;
        for (size_t t = 0; t < w->survey->table_count; t++) {
            if (w->may_refer[t] && !parents_may(w, t)) {
                w->may_refer[t] = false;
                changed = true;
            }
        }
    }
}

/* ---- all of it ---- */

static bool take_memory(struct work *w)
{
    size_t tables = w->survey->table_count;
    w->first_node = work_items(w, tables + 1, sizeof(size_t));
    if (w->first_node == NULL) {
        return false;
    }
    for (size_t t = 0; t < tables; t++) {
        w->first_node[t + 1] = w->first_node[t] + w->survey->tables[t].column_count;
    }
    size_t nodes = w->first_node[tables];
    w->class_of = work_items(w, nodes, sizeof(size_t));
    w->by_name = work_items(w, nodes, sizeof(bool));
    w->members = work_items(w, nodes, sizeof(size_t));
    w->member_at = work_items(w, nodes, sizeof(size_t));
    w->member_count = work_items(w, nodes, sizeof(size_t));
    w->up = work_items(w, tables, sizeof(struct links_of));
    w->down = work_items(w, tables, sizeof(struct links_of));
    w->link_items = work_items(w, 2 * w->survey->link_count, sizeof(size_t));
    w->may_refer = work_items(w, tables, sizeof(bool));
    w->is_settled = work_items(w, tables, sizeof(bool));
    w->places = work_items(w, tables, sizeof(struct place));
    w->queue = work_items(w, tables, sizeof(size_t));
    w->candidates = work_items(w, 2 * nodes, sizeof(struct candidate));
    w->chosen = work_items(w, tables, sizeof(struct candidate));
    w->has_rival = work_items(w, tables, sizeof(bool));
    return !w->failed;
}

void graph_free(struct work *w)
{
    free(w->first_node);
    free(w->class_of);
    free(w->by_name);
    free(w->members);
    free(w->member_at);
    free(w->member_count);
    free(w->up);
    free(w->down);
    free(w->link_items);
    free(w->may_refer);
    free(w->is_settled);
    free(w->places);
    free(w->queue);
    free(w->candidates);
    free(w->chosen);
    free(w->has_rival);
}

bool graph_build(struct work *w)
{
    if (!take_memory(w)) {
        return false;
    }
    for (size_t n = 0; n < w->first_node[w->survey->table_count]; n++) {
        w->class_of[n] = n;
    }
    list_links(w);
    join_links(w);
    join_names(w);
    list_members(w);
    find_clusters(w);
    find_references(w);
    return !w->failed;
}
