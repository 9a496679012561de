#ifdef __cplusplus
extern "C" {
#endif

/* The area of the named shape of this size, or -1 with the reason in message. */
double area(const char *shape, double size, char *message, int message_size);

#ifdef __cplusplus
}
#endif
