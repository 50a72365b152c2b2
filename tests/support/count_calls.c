/* LD_PRELOAD library: counts calls into the kernel that cost a process its time.
 *
 * The counters stand in the file $CALL_COUNTS, as 64-bit numbers in the order of `enum call`; who
 * maps or reads it sees them as they are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum call { receives, sends, syncs, positioned_writes, waits, calls };

static _Atomic uint64_t nowhere[calls]; /* until there is a file */
static _Atomic uint64_t* counters = nowhere;

__attribute__((constructor)) static void open_counters(void) {
  const char* path = getenv("CALL_COUNTS");
  if (path == NULL)
    return;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof nowhere) != 0)
    abort();
  void* mapped = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED)
    abort();
  counters = mapped;
}

static void count(enum call what) {
  atomic_fetch_add_explicit(&counters[what], 1, memory_order_relaxed);
}

ssize_t recv(int fd, void* buffer, size_t bytes, int flags) {
  count(receives);
  return syscall(SYS_recvfrom, fd, buffer, bytes, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
  count(receives);
  return syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t send(int fd, const void* buffer, size_t bytes, int flags) {
  count(sends);
  return syscall(SYS_sendto, fd, buffer, bytes, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  count(sends);
  return syscall(SYS_sendmsg, fd, message, flags);
}

int fsync(int fd) {
  count(syncs);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  count(syncs);
  return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void* buffer, size_t bytes, off64_t offset) {
  count(positioned_writes);
  return syscall(SYS_pwrite64, fd, buffer, bytes, offset);
}

ssize_t pwrite(int fd, const void* buffer, size_t bytes, off_t offset) {
  return pwrite64(fd, buffer, bytes, offset);
}

int epoll_wait(int fd, struct epoll_event* events, int most, int timeout_ms) {
  count(waits);
  return (int)syscall(SYS_epoll_wait, fd, events, most, timeout_ms);
}
