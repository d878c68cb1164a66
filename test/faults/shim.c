/*
 * Preloaded into a process, has the n-th read, write, flush, truncation or opening of a database's files fail or
 * hang, and writes down all that is written. Only what lies below the path CQ_FAULT_PREFIX is touched.
 *
 * CQ_FAULT_CONTROL names a file of 32-bit integers that is shared with whoever steers: see `control` below.
 * CQ_FAULT_TRACE, where it is set, names the file that operations are appended to:
 *   op, file, offset, length (64-bit integers), and for a write its bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { READ, WRITE, FLUSH, TRUNCATE, OPEN, KINDS };
enum { NONE, DATABASE, LOG, INDEX, MARK, OTHER };

struct control {
  int32_t armed;       /* 1: the fault happens */
  int32_t kind;        /* of the call that fails */
  int32_t at;          /* the how manieth of its kind, from 1 on */
  int32_t error;       /* its errno; -1: it never returns */
  int32_t goes_on;     /* 1: all later ones fail, too */
  int32_t happened;    /* how many did */
  int32_t count[KINDS];/* how many calls of each kind there were */
};

#define MOST_FILES 4096
static struct control *control;
static const char *prefix;
static int trace = -1;
static unsigned char files[MOST_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  prefix = getenv("CQ_FAULT_PREFIX");
  const char *path = getenv("CQ_FAULT_CONTROL");
  if (!prefix || !path) return;
  int fd = REAL(open)(path, O_RDWR);
  if (fd >= 0) control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) control = NULL;
  const char *traced = getenv("CQ_FAULT_TRACE");
  if (traced) trace = REAL(open)(traced, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static int file_of(const char *path) {
  if (!prefix || !path || strncmp(path, prefix, strlen(prefix)) != 0) return NONE;
  size_t length = strlen(path);
  const char *end = path + (length > 5 ? length - 5 : 0);
  if (strstr(end, "-wal")) return LOG;
  if (strstr(end, "-shm")) return INDEX;
  if (strstr(end, ".mark")) return MARK;
  return strstr(end, ".db") ? DATABASE : OTHER;
}

static int known(int fd) { return fd >= 0 && fd < MOST_FILES ? files[fd] : NONE; }

/* Whether this call is to fail: its errno, or 0. */
static int fails(int kind, int file) {
  if (!control || file == NONE || file == MARK) return 0;
  pthread_mutex_lock(&lock);
  int count = ++control->count[kind];
  int is_due = control->armed && control->kind == kind &&
               (count == control->at || (control->goes_on && count > control->at));
  if (is_due) control->happened++;
  int error = control->error;
  pthread_mutex_unlock(&lock);
  if (is_due && error == -1)
    for (;;) pause();
  return is_due ? error : 0;
}

static void note(int op, int file, int64_t offset, int64_t length, const void *bytes) {
  if (trace < 0 || (file != DATABASE && file != LOG && file != MARK)) return;
  int64_t head[4] = {op, file, offset, length};
  pthread_mutex_lock(&lock);
  ssize_t done = REAL(write)(trace, head, sizeof head);
  if (bytes && done > 0) done = REAL(write)(trace, bytes, (size_t)length);
  pthread_mutex_unlock(&lock);
}

static int opened(const char *path, int fd) {
  if (fd >= 0 && fd < MOST_FILES) files[fd] = (unsigned char)file_of(path);
  return fd;
}

#define OPENS(name)                                            \
  int name(const char *path, int flags, ...) {                 \
    va_list args;                                              \
    va_start(args, flags);                                     \
    mode_t mode = va_arg(args, mode_t);                        \
    va_end(args);                                              \
    int error = fails(OPEN, file_of(path));                    \
    if (error) {                                               \
      errno = error;                                           \
      return -1;                                               \
    }                                                          \
    return opened(path, REAL(name)(path, flags, mode));        \
  }
OPENS(open)
OPENS(open64)

int close(int fd) {
  if (fd >= 0 && fd < MOST_FILES) files[fd] = NONE;
  return REAL(close)(fd);
}

#define READS(name, offset_type)                                               \
  ssize_t name(int fd, void *bytes, size_t length, offset_type offset) {       \
    int error = fails(READ, known(fd));                                        \
    if (error) {                                                               \
      errno = error;                                                           \
      return -1;                                                               \
    }                                                                          \
    return REAL(name)(fd, bytes, length, offset);                              \
  }
READS(pread, off_t)
READS(pread64, off64_t)

#define WRITES(name, offset_type)                                              \
  ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) { \
    int file = known(fd);                                                      \
    int error = fails(WRITE, file);                                            \
    if (error) {                                                               \
      errno = error;                                                           \
      return -1;                                                               \
    }                                                                          \
    ssize_t written = REAL(name)(fd, bytes, length, offset);                   \
    if (written > 0) note(WRITE, file, offset, written, bytes);                \
    return written;                                                            \
  }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

#define FLUSHES(name)                        \
  int name(int fd) {                         \
    int file = known(fd);                    \
    int error = fails(FLUSH, file);          \
    if (error) {                             \
      errno = error;                         \
      return -1;                             \
    }                                        \
    int failed = REAL(name)(fd);             \
    if (!failed) note(FLUSH, file, 0, 0, 0); \
    return failed;                           \
  }
FLUSHES(fsync)
FLUSHES(fdatasync)

#define TRUNCATES(name, offset_type)                   \
  int name(int fd, offset_type length) {               \
    int file = known(fd);                              \
    int error = fails(TRUNCATE, file);                 \
    if (error) {                                       \
      errno = error;                                   \
      return -1;                                       \
    }                                                  \
    int failed = REAL(name)(fd, length);               \
    if (!failed) note(TRUNCATE, file, length, 0, 0);   \
    return failed;                                     \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)
