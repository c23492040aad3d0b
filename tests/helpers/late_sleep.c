/*
 * Preloaded, lets a long sleep begin two seconds late, and signals during these not interrupt it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
  static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
  if (!real)
    real = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))dlsym(
        RTLD_NEXT, "clock_nanosleep");
  struct timespec late;
  clock_gettime(clock, &late);
  if (flags == TIMER_ABSTIME && until->tv_sec - late.tv_sec > 30) {
    late.tv_sec += 2;
    while (real(clock, flags, &late, NULL) == EINTR)
      ;
  }
  return real(clock, flags, until, left);
}
