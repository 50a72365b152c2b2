/* LD_PRELOAD library: makes the disk of a process fail or hang on demand.
 *
 * A fault is on while a file of its name exists in the directory $FAULTS_DIRECTORY:
 *   fail-syncs  every sync fails with EIO
 *   fail-writes every positioned write fails with EIO
 *   hold-syncs  every sync waits until the file is gone
 *   hold-reads  every positioned read waits until the file is gone; one that must not wait fails
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_on(const char* fault) {
  char path[4096];
  const char* directory = getenv("FAULTS_DIRECTORY");
  if (directory == NULL)
    return 0;
  snprintf(path, sizeof path, "%s/%s", directory, fault);
  return syscall(SYS_access, path, F_OK) == 0;
}

static void wait_while(const char* fault) {
  while (is_on(fault))
    usleep(1000);
}

/* What a sync may do now: 0, or -1 with errno. */
static int before_sync(void) {
  const int before = errno;
  wait_while("hold-syncs");
  if (is_on("fail-syncs")) {
    errno = EIO;
    return -1;
  }
  errno = before;
  return 0;
}

int fsync(int fd) {
  return before_sync() != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  return before_sync() != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
  return before_sync() != 0 ? -1 : (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  if (is_on("fail-writes")) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}

ssize_t pread64(int fd, void* buffer, size_t bytes, off64_t offset) {
  wait_while("hold-reads");
  return syscall(SYS_pread64, fd, buffer, bytes, offset);
}

ssize_t pread(int fd, void* buffer, size_t bytes, off_t offset) {
  return pread64(fd, buffer, bytes, offset);
}

ssize_t preadv2(int fd, const struct iovec* to, int count, off_t offset, int flags) {
  if (is_on("hold-reads")) {
    errno = EAGAIN;
    return -1;
  }
  return syscall(SYS_preadv2, fd, to, count, offset, 0, flags);
}
