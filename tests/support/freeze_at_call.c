/* LD_PRELOAD library: stops the whole process (SIGSTOP) at a chosen call that changes the disk.
 *
 *   FREEZE_AT_CALL  number of the call, from 1 on; odd: it stops before the call, even: after it
 *   FREEZE_GATE     calls count once this file exists; not set: from the start
 *   FREEZE_NOTE     file that is told at which call it stopped
 *   FREEZE_NO_SYNC  syncs do nothing, so that answers are lies; proves that a test sees that
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;
static long wanted = -1;

__attribute__((constructor)) static void read_wanted(void) {
  const char* text = getenv("FREEZE_AT_CALL");
  wanted = text == NULL ? 0 : atol(text);
}

/* Whether this is the call to stop at. */
static int is_due(void) {
  const char* gate = getenv("FREEZE_GATE");
  if (wanted <= 0 || (gate != NULL && syscall(SYS_access, gate, F_OK) != 0))
    return 0;
  return atomic_fetch_add(&calls, 1) + 1 == wanted;
}

static void freeze(const char* call) {
  const char* note = getenv("FREEZE_NOTE");
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  const int fd = note == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, note, flags, 0644);
  if (fd >= 0) {
    syscall(SYS_write, fd, call, strlen(call));
    syscall(SYS_close, fd);
  }
  syscall(SYS_kill, getpid(), SIGSTOP);
}

static int no_sync(void) { return getenv("FREEZE_NO_SYNC") != NULL; }

#define AROUND(type, call)          \
  const int due = is_due();         \
  if (due && wanted % 2 == 1)       \
    freeze(__func__);               \
  const type outcome = (type)(call); \
  if (due && wanted % 2 == 0)       \
    freeze(__func__);               \
  return outcome

int fsync(int fd) { AROUND(int, no_sync() ? 0 : syscall(SYS_fsync, fd)); }

int fdatasync(int fd) { AROUND(int, no_sync() ? 0 : syscall(SYS_fdatasync, fd)); }

int rename(const char* from, const char* to) {
  AROUND(int, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char* path) { AROUND(int, syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }

int mkdir(const char* path, mode_t mode) {
  AROUND(int, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  AROUND(int, syscall(SYS_fallocate, fd, mode, offset, length));
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  return fallocate64(fd, mode, offset, length);
}

int ftruncate64(int fd, off64_t length) { AROUND(int, syscall(SYS_ftruncate, fd, length)); }

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  AROUND(ssize_t, syscall(SYS_pwrite64, fd, bytes, size, offset));
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}
