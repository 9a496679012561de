#include "hello.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

struct task {
    int n;
    double sum;
};

static void *add_roots(void *argument)
{
    struct task *task = argument;

    for (int i = 1; i <= task->n; i++)
        task->sum += sqrt(i);
    return NULL;
}

double sum_of_roots(int n)
{
    struct task task = {n, 0};
    pthread_t thread;

    if (pthread_create(&thread, NULL, add_roots, &task) != 0)
        return -1;
    pthread_join(thread, NULL);
    return task.sum;
}

void describe(char *out, size_t size)
{
    snprintf(out, size, "compiler %s, pointers of %zu bytes", __VERSION__, sizeof(void *));
}
