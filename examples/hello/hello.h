#include <stddef.h>

/* Writes a line about this program's C side to out, at most size bytes with the final zero. */
void describe(char *out, size_t size);

/* The sum of the square roots of 1 to n, computed on a POSIX thread. Negative if it cannot start. */
double sum_of_roots(int n);
