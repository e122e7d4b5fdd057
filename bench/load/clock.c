#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

double seconds_of(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) < 0) fail("clock_gettime: %s", strerror(errno));
  return time.tv_sec + time.tv_nsec / 1e9;
}

// utime + stime of /proc/PID/stat, which includes all threads, in ns instead of 10 ms ticks.
double cpu_seconds_of(long pid) {
  clockid_t clock;
  if (!pid) return 0;
  if (clock_getcpuclockid(pid, &clock)) fail("no CPU clock of process %ld", pid);
  return seconds_of(clock);
}

long own_sleeps(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}
