"""Lookup lanes as the loop sees them: start, take, answer, stop.

The threads are in `lane_thread`. All methods belong to the thread of the event loop.
"""

cimport cython
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size
from posix.unistd cimport read

from namesrv._fast.atomic cimport add_count, load_count, store_count
from namesrv._fast.lane cimport (
    BUFFER_BYTES, MOST_LISTENERS, Lane, Shared, close_lane, put_back, set_limits,
    watch,
)
from namesrv._fast.lane_census cimport LaneCensus, address_of
from namesrv._fast.lane_cores cimport (
    give_way, has_waiting, leave_core, stop_giving_way,
)
from namesrv._fast.lane_peers cimport (
    Peer, close_box, copied, free_peer, open_line, post, pthread_mutex_init, take_all,
    wake,
)
from namesrv._fast.lane_system cimport (
    EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EINTR, EPOLL_CLOEXEC, MSG_DONTWAIT, MSG_NOSIGNAL,
    epoll_create1, errno, eventfd, part_heaps, pthread_join, pthread_setname_np,
    pthread_t, send, trim_heap,
)
from namesrv._fast.lane_thread cimport start_thread
from namesrv._fast.lookups cimport Lookups

import os

from namesrv.hot_path import check_size


@cython.no_gc_clear  # Its end needs the lanes.
cdef class LanePeer:
    """A connection that a lane gave to the loop, with its socket.

    `asked` is the number of bytes at the beginning of `input` that are a question, 0
    for a connection that the loop has for good. `output` is not sent yet.
    """

    def __init__(self):
        raise TypeError("lanes make it")

    @property
    def asked(self):
        """Bytes of the question."""
        return self._peer.asked

    @property
    def input(self):
        """The bytes that were read and not handled."""
        return PyBytes_FromStringAndSize(
            <char*>self._peer.input, self._peer.input_length
        )

    @property
    def output(self):
        """The bytes of answers that were not sent."""
        return PyBytes_FromStringAndSize(self._peer.output, self._peer.output_length)

    @property
    def address(self):
        """(family, packed host, port, scope) of the socket's peer."""
        return address_of(&self._peer.address)

    @property
    def read_ms(self):
        """The time of the last input, or of the beginning."""
        return self._peer.read_ms

    @property
    def has_sent(self):
        """Whether there was any input."""
        return bool(self._peer.has_sent)

    @property
    def client_version(self):
        """The version of the last request, None without one."""
        return self._peer.version if self._peer.has_version else None

    @property
    def sample_type(self):
        """The type of the header in `input` of a lookup that was wanted as a sample,
        None for a connection."""
        return self._peer.version if self._peer.is_sample else None

    @property
    def is_counted(self):
        """Whether the lanes counted it when it was opened."""
        return bool(self._peer.is_counted)

    def take_socket(self):
        """The descriptor, which the caller closes from now on."""
        fd = self._peer.fd
        self._peer.fd = -1
        return fd

    def send(self, output):
        """The number of bytes that the socket takes at once; all of them if it is
        broken, which its next reader finds out."""
        cdef Py_ssize_t length = PyBytes_Size(output)
        cdef Py_ssize_t sent = send(
            self._peer.fd, PyBytes_AsString(output), length,
            MSG_NOSIGNAL | MSG_DONTWAIT,
        )
        if sent < 0:
            return 0 if errno in (EAGAIN, EINTR) else length
        return sent

    def answer(self, output, answered):
        """`output` answers the first `answered` bytes of the input. Raises
        MemoryError."""
        cdef Peer* peer = self._peer
        cdef Py_ssize_t answered_bytes = answered, length = PyBytes_Size(output)
        cdef char* copy
        if not 0 <= answered_bytes <= peer.asked:
            raise ValueError("more is answered than was asked")
        copy = <char*>copied(PyBytes_AsString(output), length)
        if copy == NULL and length:
            raise MemoryError
        self._lanes._release(peer)
        free(peer.output)
        peer.output = copy
        peer.output_length = length
        peer.input_length -= answered_bytes
        memmove(peer.input, peer.input + answered_bytes, peer.input_length)
        peer.asked = 0
        add_count(&self._lanes._shared.held_bytes, peer.input_length + length)

    def go_on(self):
        """Give the connection back to its lane, which must be running."""
        cdef Peer* peer = self._peer
        cdef Lane* lane = &self._lanes._lanes[peer.lane]
        self._peer = NULL
        self._lanes._release(peer)
        if not put_back(lane, peer):
            post(&lane.inbox, peer)

    def end(self):
        """Forget the connection. Its socket is closed unless it was taken."""
        cdef Peer* peer = self._peer
        self._peer = NULL
        if peer != NULL:
            self._lanes._release(peer)
            if peer.is_counted:
                add_count(&self._lanes._shared.open, -1)
            elif not peer.is_sample:
                self._lanes._decided()
            free_peer(peer)

    def __dealloc__(self):
        if self._peer != NULL:
            self.end()


@cython.no_gc_clear  # Threads use its fields until they are joined.
cdef class Lanes:
    """Threads that accept connections and answer lookups of ready topics.

    `count` threads share the work; the first one accepts. `hot` is the HotPath of the
    server. Raises OSError if a descriptor cannot be had.
    """

    def __init__(self, hot, count):
        cdef int number
        check_size("count", count)
        self._hot = hot
        self._lookups = [Lookups(hot) for _ in range(count)]
        self._shared = <Shared*>calloc(1, sizeof(Shared))
        self._lanes = <Lane*>calloc(count, sizeof(Lane))
        self._threads = <pthread_t*>calloc(count, sizeof(pthread_t))
        if not (self._shared and self._lanes and self._threads):
            raise MemoryError
        self._shared.most_open = 1 << 30
        pthread_mutex_init(&self._shared.for_the_loop.lock, NULL)
        self._shared.for_the_loop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self._shared.for_the_loop.wake_fd < 0:
            raise OSError(errno, os.strerror(errno))
        for number in range(count):
            self._open_lane(number)

    cdef int _open_lane(self, int number) except -1:
        cdef Lane* lane = &self._lanes[number]
        self._count = number + 1
        lane.shared = self._shared
        lane.lanes = self._lanes
        lane.number = number
        lane.count = len(self._lookups)
        lane.lookups = <void*>self._lookups[number]
        open_line(&lane.quiet)
        open_line(&lane.partial)
        pthread_mutex_init(&lane.lines, NULL)
        pthread_mutex_init(&lane.inbox.lock, NULL)
        lane.epoll = epoll_create1(EPOLL_CLOEXEC)
        lane.inbox.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if lane.epoll < 0 or lane.inbox.wake_fd < 0 or not watch(
            lane, lane.inbox.wake_fd, &lane.inbox
        ):
            raise OSError(errno, os.strerror(errno))
        lane.buffer = <unsigned char*>malloc(BUFFER_BYTES)
        if lane.buffer == NULL:
            raise MemoryError
        return 0

    def fileno(self):
        """A descriptor that is readable when `take` has something."""
        return self._shared.for_the_loop.wake_fd

    def start(self, listeners):
        """Start the threads, which accept from these descriptors. Raises OSError if a
        thread cannot start; then none runs."""
        cdef int number
        if self._running:
            raise ValueError("lanes run already")
        if len(listeners) > MOST_LISTENERS:
            raise ValueError(f"{len(listeners)} listeners are too many")
        for number in range(len(listeners)):
            self._lanes[0].listeners[number] = listeners[number]
        self._lanes[0].listeners_count = len(listeners)
        with nogil:
            part_heaps()
            trim_heap()  # 0.2 s for a GiB of free blocks
        try:
            # The first lane accepts, and so it starts last.
            for number in reversed(range(self._count)):
                self._start_thread(number)
        except OSError:
            self._end_threads()
            raise
        self._giving_way = give_way()

    cdef int _start_thread(self, int number) except -1:
        cdef pthread_t* thread = &self._threads[number]
        cdef int error = start_thread(&self._lanes[number], thread)
        if error:
            raise OSError(error, os.strerror(error))
        pthread_setname_np(thread[0], f"lookup-lane-{number}".encode())
        self._running += 1
        return 0

    def take(self, most):
        """Peers that lanes gave to the loop, at most so many, oldest first."""
        cdef long long wakes
        cdef LanePeer peer
        peers = []
        while len(peers) < most:
            if self._taken == NULL:
                read(self._shared.for_the_loop.wake_fd, &wakes, sizeof(wakes))
                self._taken = take_all(&self._shared.for_the_loop)
            if self._taken == NULL:
                break
            peer = LanePeer.__new__(LanePeer)
            peer._lanes = self
            peer._peer = self._taken
            self._taken = self._taken.next
            peer._peer.next = NULL
            peers.append(peer)
        return peers

    def stop(self):
        """End all threads. `take` has all their connections then."""
        cdef int number
        cdef Peer* peer
        cdef Peer* following
        self._end_threads()
        for number in range(self._count):
            peer = take_all(&self._lanes[number].inbox)
            while peer != NULL:
                following = peer.next
                post(&self._shared.for_the_loop, peer)
                peer = following

    cdef void _end_threads(self) noexcept:
        cdef int number
        cdef int first = self._count - self._running
        if not self._running:
            return
        store_count(&self._shared.is_stopping, 1)
        for number in range(first, self._count):
            wake(self._lanes[number].inbox.wake_fd)
        with nogil:
            for number in range(first, self._count):
                pthread_join(self._threads[number], NULL)
        self._running = 0
        stop_giving_way(&self._giving_way)

    def let_run(self):
        """Leave the core for a moment if a lane has input and may have no core; whether
        that was done. The GIL stays: lanes do not need it, and another thread of
        Python would keep it for longer."""
        if not has_waiting(self._lanes, self._running):
            return False
        return bool(leave_core(&self._again_nanos))

    @property
    def is_running(self):
        """Whether the threads run."""
        return self._running > 0

    @property
    def open(self):
        """Connections that lanes accepted and neither they nor the loop have ended,
        or the loop has not made its own."""
        return load_count(&self._shared.open)

    def note_own(self, loop_open):
        """The number of connections of the loop."""
        store_count(&self._shared.loop_open, loop_open)

    def limit(self, loop_open, most_open, idle_millis):
        """The connections of the loop, the number of all from which on the loop decides
        about new ones, and the time without input after which it decides about old
        ones (0: never)."""
        cdef int number
        self.note_own(loop_open)
        if set_limits(self._shared, most_open, idle_millis):
            for number in range(self._running):
                wake(self._lanes[number].inbox.wake_fd)

    @property
    def lookups(self):
        """Lookups that lanes have answered, up to the last `fold`."""
        return self._hits + self._unknown

    def fold(self):
        """Add the counts of lanes since the last call to those of `hot`, and show lanes
        the samples that it wants."""
        cdef long long hits = 0, unknown = 0, received = 0, sent = 0
        cdef Lookups lookups
        for lookups in self._lookups:
            hits += load_count(&lookups._hits)
            unknown += load_count(&lookups._unknown)
            received += load_count(&lookups._received_bytes)
            sent += load_count(&lookups._sent_bytes)
            lookups.sample_unknown(
                max(self._hot._samples_left, 0), self._hot._sample_stride
            )
        self._hot.route_answers.hits += hits - self._hits
        self._hot.route_answers.unknown += unknown - self._unknown
        self._hot.received_bytes += received - self._received_bytes
        self._hot.sent_bytes += sent - self._sent_bytes
        self._hits = hits
        self._unknown = unknown
        self._received_bytes = received
        self._sent_bytes = sent

    cdef void _decided(self) noexcept:
        """The loop has decided about a new connection beyond the limit."""
        if add_count(&self._shared.undecided, -1) == 1:
            wake(self._lanes[0].inbox.wake_fd)

    cdef void _release(self, Peer* peer) noexcept:
        """The bytes of a peer are not at the loop any more."""
        add_count(&self._shared.held_bytes, -(peer.input_length + peer.output_length))

    def census(self):
        """The connections of all lanes, as a LaneCensus. Raises MemoryError."""
        cdef LaneCensus census = LaneCensus()
        cdef int number
        for number in range(self._count):
            census.add_lane(&self._lanes[number])
        return census

    def counts(self):
        """(accepted, handed over, asked, failures to accept, dropped) of all lanes."""
        cdef int number
        cdef Lane* lane
        accepted = handed_over = asked = accept_failures = dropped = 0
        for number in range(self._count):
            lane = &self._lanes[number]
            accepted += load_count(&lane.accepted)
            handed_over += load_count(&lane.handed_over)
            asked += load_count(&lane.asked)
            accept_failures += load_count(&lane.accept_failures)
            dropped += load_count(&lane.dropped)
        return accepted, handed_over, asked, accept_failures, dropped

    def __dealloc__(self):
        cdef int number
        cdef Peer* following
        self._end_threads()
        if self._shared != NULL:
            while self._taken != NULL:
                following = self._taken.next
                free_peer(self._taken)
                self._taken = following
            close_box(&self._shared.for_the_loop)
        for number in range(self._count):
            close_lane(&self._lanes[number])
        free(self._shared)
        free(self._lanes)
        free(self._threads)
