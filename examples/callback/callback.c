#include "callback.h"

#include <pthread.h>
#include <stddef.h>

#include "_cgo_export.h"

enum { MOST_THREADS = 16, FRAME = 1 << 20 };

struct share {
    int first, step, last;
    uintptr_t handle;
};

long deep_frame(void)
{
    volatile unsigned char frame[FRAME];
    long sum = 0;

    for (size_t i = 0; i < FRAME; i++)
        frame[i] = 1;
    for (size_t i = 0; i < FRAME; i++)
        sum += frame[i];
    return sum;
}

static void *add_share(void *argument)
{
    const struct share *share = argument;

    if (deep_frame() != FRAME)
        return NULL;
    for (int i = share->first; i <= share->last; i += share->step)
        addNumber(share->handle, i);
    return NULL;
}

int add_on_threads(int threads, int n, uintptr_t handle)
{
    struct share shares[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    int started = 0;

    while (started < threads && started < MOST_THREADS) {
        shares[started] = (struct share){started + 1, threads, n, handle};
        if (pthread_create(&ids[started], NULL, add_share, &shares[started]) != 0)
            break;
        started++;
    }
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    return started;
}
