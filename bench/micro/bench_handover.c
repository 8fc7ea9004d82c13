/* Handing a batch from one thread to another and its memory back: one lock and two conditions, as
 * the depot has them, and nothing else. What the depot costs comes on top. */
#include "bench/micro/micro.h"

#include "base/thread.h"

#include <pthread.h>

struct ring {
    struct mutex lock;
    struct cond changed;
    uint64_t room;
    uint64_t put;
    uint64_t taken;
};

static void put(struct ring *r)
{
    mutex_lock(&r->lock);
    while (r->put - r->taken == r->room) {
        cond_wait(&r->changed, &r->lock);
    }
    r->put++;
    cond_signal(&r->changed);
    mutex_unlock(&r->lock);
}

static void take(struct ring *r)
{
    mutex_lock(&r->lock);
    while (r->put == r->taken) {
        cond_wait(&r->changed, &r->lock);
    }
    r->taken++;
    cond_signal(&r->changed);
    mutex_unlock(&r->lock);
}

struct side {
    struct ring *ring;
    uint64_t ops;
};

static void *take_all(void *arg)
{
    struct side *s = arg;
    for (uint64_t i = 0; i < s->ops; i++) {
        take(s->ring);
    }
    return NULL;
}

static void hand_over(void *context, uint64_t ops)
{
    struct side other = {context, ops};
    pthread_t thread;
    micro_require(pthread_create(&thread, NULL, take_all, &other) == 0, "a thread");
    for (uint64_t i = 0; i < ops; i++) {
        put(context);
    }
    micro_require(pthread_join(thread, NULL) == 0, "a thread");
}

int main(void)
{
    struct ring ring = {.room = 64};
    mutex_init(&ring.lock);
    cond_init(&ring.changed);
    micro_title();
    micro_measure(&(struct micro){"hand-over, 64 between", 200000, 0, hand_over, &ring});
    ring.room = 1;
    micro_measure(&(struct micro){"hand-over, 1 between", 20000, 0, hand_over, &ring});
    cond_destroy(&ring.changed);
    mutex_destroy(&ring.lock);
    return 0;
}
