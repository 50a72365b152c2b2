"""To which part of the work a sample of the server belongs, by thread and symbol.

A frame is (symbol, object). Of a chain only the kernel's frames and the first of the program are
looked at: the libraries keep no frame pointers, so what stands behind that one is guesswork.
"""
import collections
import re

# The order of the table.
GROUPS = (
    ("sockets, kernel", "recv, send and epoll, TCP over loopback in them, accept"),
    ("WebSocket framing", "Beast, scanner and codec, the session, Asio's loop"),
    ("parse", "line to event: numbers, checks of the name"),
    ("encode and hash", "event to its shard's slice, hash of the name"),
    ("journal", "checksum, write, sync; the disk's interrupts"),
    ("find robots", "prepare: decode, name table, prefetch"),
    ("apply", "seal, window, odometer; what the shard notes"),
    ("answer", "verdicts in the order of the messages, OK frames"),
    ("checkpoint", "all of its thread; collecting and forgetting in the shards"),
    ("flush and compaction", "all of RocksDB's threads"),
    ("readers", "all of their threads: rows of unknown robots, look-ups"),
    ("memory, I/O threads", "malloc and free, copies, page faults there"),
    ("memory, shards and journal", "the same where commits are written and applied: growing rows"),
    ("messages", "CAF's mailboxes, timers and workers"),
    ("switches and wake-ups", "scheduler, futex, waking an epoll"),
    ("interrupts", "timer ticks and what they run, on whatever thread they hit"),
    ("other", "what no pattern knows"),
)

# Threads of the same name are told apart by what they ran: the role with the most hits.
_ROLES = (
    ("io", r"telemetry::(net::|lane|connection|parse_line)"),
    ("journal writer", r"telemetry::(journal_writer|detail::file_journal)"),
    ("checkpointer", r"telemetry::(checkpointer|detail::(event_block|rocksdb_checkpoint"
                     r"|put_column|\(anonymous namespace\)::put_))|rocksdb::(BlockBuilder"
                     r"|BlockBasedTableBuilder|SstFileWriter|ExternalSstFile)"),
    ("reader", r"telemetry::(reader|detail::rocksdb_event_store)|rocksdb::.*(MultiGet|::Get\()"),
)

# These threads do one thing.
_BY_ROLE = {"checkpointer": "checkpoint", "rocksdb": "flush and compaction", "reader": "readers"}

# Any frame of the kernel part; the first that matches counts.
_KERNEL = (
    ("sockets, kernel", r"_sys_(sendto|sendmsg|recvfrom|recvmsg|accept|accept4|shutdown|connect"
                        r"|setsockopt|getsockname|getpeername|socket|writev|readv)$"),
    # Asio wakes a loop by epoll_ctl.
    ("switches and wake-ups", r"^(__)?schedule$|finish_task_switch|^futex|eventfd|ret_from_fork"
                              r"|_sys_(futex|sched_yield|epoll_ctl)$"),
    ("memory", r"exc_page_fault|_sys_(mmap|munmap|brk|madvise|mremap|mprotect)$"),
    ("journal", r"virtblk|^blk_|^bio_|^ext4|^jbd2|^iomap|_sys_(pwrite64|fdatasync|fsync"
                r"|pwritev|fallocate|openat|renameat|rename|unlink|statfs|close)$"),
    ("interrupts", r"^asm_(sysvec|common_interrupt)|^irq_|handle_softirqs|sysvec_|hrtimer"),
    ("sockets, kernel", r"epoll|^ep_|^tcp_|^sock|^inet"),
)

# The program's first frame, symbol or object; the first that matches counts.
_PROGRAM = (
    ("checkpoint", r"robot_track::(take|release)|robot::(collect|stored)"
                   r"|shard::(collect|stored|sweep)|final_rows|event_block|checkpointer"),
    ("parse", r"parse_line|from_chars|read_coordinate|read_timestamp|name_fault|core/number"
              r"|parse_(number|decimal)|memchr"),
    ("answer", r"answer_queue::(next|is_|take|clear)|lane::(answer|tell|flush_all)"
               r"|connection::(answer|append_answer|flush|on_verdicts)|websocket_session::send"),
    ("encode and hash", r"encode_event|name_hash|lane::(add|join|end_turn)|slice::reserve"
                        r"|answer_queue::(submit|add|refuse)|connection::(take|receive|may_read)"
                        r"|session_upstream|future_limit"),
    ("find robots", r"shard::(touch|prepare|activate|fetch_unknown|new_batch|recycle|loaded|unpark)"
                    r"|robot_table|decode_event|read_encoded_event|robot::prefetch"),
    ("apply", r"robot_track::|robot::|shard::|odometer|hypot|track_row|^fold"),
    ("journal", r"journal|segment_writer|write_record|record_bytes|page_buffer|watched_file"
                r"|is_below|group_commit|rocksdb::Posix|pwrite|fdatasync|server_silence|failed_syncs"),
    ("WebSocket framing", r"boost::|telemetry::net::|utf8|mask_inplace"),
    ("sockets, kernel", r"^(__libc_)?(__)?(recv|send|sendmsg|recvmsg|accept|accept4)$|epoll_"),
    ("memory", r"malloc|calloc|realloc|_int_free|^_?_?c?free([@$]|$)|operator (new|delete)"
               r"|unlink_chunk|jemalloc|^(rtree|arena|tcache|extent|base)_|^(__)?mem(move|cpy|set|cmp)|arena|std::vector"
               r"|_M_(realloc|default|replace|append|mutate)|sysmalloc|systrim|madvise|brk"),
    ("switches and wake-ups", r"pthread_|__lll_|futex|condition_variable|await_resume|syscall"
                              r"|eventfd|__(libc_)?write$"),
    ("messages", r"caf::|libcaf_core|std::_Sp_counted|intrusive_ptr|atom_value"
                 r"|inline_unit|lane::"),
)
# Of a function that several parts call, the thread tells for whom.
_SHARED = ((r"XXH", {"io": "encode and hash"}, "journal"),
           (r"librocksdb", {}, "journal"))

_FRAME = re.compile(r"\s+[0-9a-f]+ (.*) \(([^()]*(?:\([^()]*\))?[^()]*)\)$")


def read_samples(lines):
    """Yields (name of the thread, its id, frames) of each sample in the output of
    `perf script -F comm,tid,ip,sym,dso` that has frames: a tuple, the innermost first."""
    thread, frames = None, []
    for line in lines:
        found = _FRAME.match(line)
        if found:
            where = "kernel" if "kernel" in found[2] else found[2].rpartition("/")[2]
            frames.append((found[1], where))
        elif line.strip():
            thread = line.strip().rsplit(None, 1)
        elif frames:
            yield thread[0], thread[1], tuple(frames)
            frames = []
    if frames:
        yield thread[0], thread[1], tuple(frames)


def sum_up(samples):
    """Counts of samples: by group, by role of the thread, and by (role, symbol, object) of what no
    pattern knows."""
    counts, symbols = collections.Counter(), collections.defaultdict(collections.Counter)
    for comm, tid, frames in samples:
        counts[comm, tid, frames] += 1
        symbols[comm, tid][frames[0][0]] += 1
    roles = {thread: role_of(thread[0], hits) for thread, hits in symbols.items()}
    groups, threads, unknown = (collections.Counter() for _ in range(3))
    for (comm, tid, frames), n in counts.items():
        role = roles[comm, tid]
        group = group_of(role, frames)
        groups[group] += n
        threads[role] += n
        if group == "other":
            unknown[role, *frames[0]] += n
    return groups, threads, unknown


def role_of(comm, hits):
    """What a thread is. `hits` counts its symbols."""
    if comm.startswith("rocksdb"):
        return "rocksdb"
    if comm == "caf.multiplexer":
        return "scheduler"
    if comm == "caf.clock":
        return "clock"
    score = {role: sum(n for symbol, n in hits.items() if re.search(pattern, symbol))
             for role, pattern in _ROLES}
    best = max(score, key=score.get)
    return best if score[best] > 0 else "others"


def _first(patterns, text):
    return next((group for group, pattern in patterns if re.search(pattern, text)), None)


def group_of(role, frames):
    """Name of the group of a sample. `frames`: the innermost first; not empty."""
    group = _BY_ROLE.get(role) or _part(role, frames)
    if group == "memory":
        return "memory, I/O threads" if role == "io" else "memory, shards and journal"
    return group


def _part(role, frames):
    """The group by symbols; memory is still one."""
    kernel = [symbol for symbol, where in frames if where == "kernel"]
    for group, pattern in _KERNEL:
        if any(re.search(pattern, one) for one in kernel):
            return group
    if len(kernel) == len(frames):
        return "other"
    symbol, where = frames[len(kernel)]  # for the entry of a system call: who called it
    for pattern, by_role, otherwise in _SHARED:
        if re.search(pattern, symbol) or re.search(pattern, where):
            return by_role.get(role, otherwise)
    return _first(_PROGRAM, symbol) or _first(_PROGRAM, where) or "other"
