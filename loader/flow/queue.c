#include "flow/queue.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

/* OPEN -> CLOSED -> CANCELLED, never back. */
enum queue_state { STATE_OPEN, STATE_CLOSED, STATE_CANCELLED };

struct queue {
    struct mutex lock; /* guards everything below except capacity */
    struct cond not_full;
    struct cond not_empty;

    size_t capacity; /* set once, read without the lock */
    size_t head;     /* index of the oldest item */
    size_t count;    /* 0 <= count <= capacity */
    enum queue_state state;
    struct queue_stats stats;
    void *slots[];
};

struct queue *queue_new(size_t capacity)
{
    assert(capacity >= 1);

    struct queue *q = calloc(1, sizeof *q + capacity * sizeof q->slots[0]);
    if (q == NULL) {
        return NULL;
    }
    mutex_init(&q->lock);
    cond_init(&q->not_full);
    cond_init(&q->not_empty);
    q->capacity = capacity;
    return q;
}

void queue_free(struct queue *q)
{
    if (q == NULL) {
        return;
    }
    assert(q->count == 0);
    cond_destroy(&q->not_empty);
    cond_destroy(&q->not_full);
    mutex_destroy(&q->lock);
    free(q);
}

static void put_locked(struct queue *q, void *item) REQUIRES(q->lock);
static void put_locked(struct queue *q, void *item)
{
    assert(q->count < q->capacity);

    q->slots[(q->head + q->count) % q->capacity] = item;
    q->count++;
    q->stats.pushed++;
    if (q->count > q->stats.depth_max) {
        q->stats.depth_max = q->count;
    }
}

static void *take_locked(struct queue *q) REQUIRES(q->lock);
static void *take_locked(struct queue *q)
{
    assert(q->count > 0);

    void *item = q->slots[q->head];
    q->head = (q->head + 1) % q->capacity;
    q->count--;
    return item;
}

enum queue_status queue_push(struct queue *q, void *item)
{
    assert(item != NULL);

    mutex_lock(&q->lock);
    if (q->state == STATE_OPEN && q->count == q->capacity) {
        uint64_t began_ns = clock_mono_ns();
        q->stats.push_waiting++;
        while (q->state == STATE_OPEN && q->count == q->capacity) {
            cond_wait(&q->not_full, &q->lock);
        }
        q->stats.push_waiting--;
        q->stats.push_wait_ns += clock_mono_ns() - began_ns;
    }

    enum queue_status status = QUEUE_OK;
    if (q->state == STATE_OPEN) {
        put_locked(q, item);
        cond_signal(&q->not_empty);
    } else {
        status = q->state == STATE_CLOSED ? QUEUE_CLOSED : QUEUE_CANCELLED;
    }
    mutex_unlock(&q->lock);
    return status;
}

/* Returns false when the time ran out before there was anything to say. */
static bool await_item_locked(struct queue *q, uint64_t timeout_ns) REQUIRES(q->lock);
static bool await_item_locked(struct queue *q, uint64_t timeout_ns)
{
    uint64_t began_ns = clock_mono_ns();
    bool in_time = true;

    q->stats.pop_waiting++;
    while (in_time && q->state == STATE_OPEN && q->count == 0) {
        if (timeout_ns == QUEUE_WAIT_FOREVER) {
            cond_wait(&q->not_empty, &q->lock);
        } else {
            in_time = cond_wait_until(&q->not_empty, &q->lock, began_ns + timeout_ns);
        }
    }
    q->stats.pop_waiting--;
    q->stats.pop_wait_ns += clock_mono_ns() - began_ns;
    return in_time || q->count > 0 || q->state != STATE_OPEN;
}

enum queue_status queue_pop(struct queue *q, uint64_t timeout_ns, void **item)
{
    mutex_lock(&q->lock);
    bool in_time = true;
    if (q->state == STATE_OPEN && q->count == 0) {
        in_time = await_item_locked(q, timeout_ns);
    }

    enum queue_status status = QUEUE_OK;
    if (!in_time) {
        status = QUEUE_TIMEOUT;
    } else if (q->state == STATE_CANCELLED) {
        status = QUEUE_CANCELLED;
    } else if (q->count == 0) {
        status = QUEUE_CLOSED;
    } else {
        *item = take_locked(q);
        cond_signal(&q->not_full);
    }
    mutex_unlock(&q->lock);
    return status;
}

static void end(struct queue *q, enum queue_state state)
{
    mutex_lock(&q->lock);
    if (q->state < state) {
        q->state = state;
    }
    /* Both sides may have many waiters, and each of them has to look again. */
    cond_broadcast(&q->not_full);
    cond_broadcast(&q->not_empty);
    mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
    end(q, STATE_CLOSED);
}
void queue_cancel(struct queue *q)
{
    end(q, STATE_CANCELLED);
}

size_t queue_drain(struct queue *q, void (*drop)(void *owner, void *item), void *owner)
{
    size_t dropped = 0;

    mutex_lock(&q->lock);
    while (q->count > 0) {
        drop(owner, take_locked(q));
        dropped++;
    }
    mutex_unlock(&q->lock);
    return dropped;
}

struct queue_stats queue_stats(struct queue *q)
{
    mutex_lock(&q->lock);
    struct queue_stats stats = q->stats;
    stats.depth = q->count;
    mutex_unlock(&q->lock);
    return stats;
}
