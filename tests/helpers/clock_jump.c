/*
 * Preloaded, shifts the wall clock, and only that, by the seconds in the file that CLOCK_JUMP names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real)
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("CLOCK_JUMP"), "r") : NULL;
  long jump = 0;
  if (file) {
    if (fscanf(file, "%ld", &jump) == 1)
      now->tv_sec += jump;
    fclose(file);
  }
  return result;
}
