/* What a C program may expect of a toolchain, a line for each. Run as: everything one two */
#include <linux/version.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int seen;
static __thread int own = 7;

/* The start-up code of a Go c-archive is such a function. */
__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	seen = argc == 3 && !strcmp(argv[2], "two") && envp == argv + argc + 1;
}

static void *deep(void *result)
{
	volatile char frame[4 << 20];
	memset((char *)frame, own, sizeof frame);
	own += frame[sizeof frame - 1];
	*(int *)result = own;
	return result;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int result = 0;
	static long long counter;

	printf("arguments of a constructor: %d\n", seen);
	pthread_create(&thread, 0, deep, &result);
	pthread_join(thread, 0);
	printf("a thread with a frame of 4 MiB: %d %d\n", result, own);
	printf("kernel headers: %d\n", LINUX_VERSION_CODE > 0);
	printf("double: %.6f\n", sqrt(atof(argc > 1 ? "2" : "3")));
	printf("long double: %.3Lf\n", sqrtl(strtold("2.25", 0)));
	printf("64-bit atomics: %lld\n", __atomic_add_fetch(&counter, 1LL << 40, __ATOMIC_SEQ_CST) >> 40);
	return argv[argc] != 0;
}
