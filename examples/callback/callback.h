#include <stdint.h>

/* Starts as many C threads and lets each call Go's addNumber for its own numbers of 1 to n:
   every number is added once. Returns the number of threads that ran. */
int add_on_threads(int threads, int n, uintptr_t handle);

/* Fills and sums a frame of a mebibyte. A thread with musl's default stack of 128 KiB would
   crash. */
long deep_frame(void);
