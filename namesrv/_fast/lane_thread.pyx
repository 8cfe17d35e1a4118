# cython: nonecheck=False, cdivision=True
"""The thread of a lane: one epoll for life, no Python.

A lane reads from its connections, answers the lookups of ready topics, and sends the
answers. Everything unusual goes to the loop for good (`hand_over`). A lookup
without a ready answer goes there with its connection until it is answered.

Nothing here may ask for the GIL: the loop waits for the locks of lanes while it has it.
The events of one wait are handled before the inbox is emptied and before the sweep, and
a peer has one event at most in them. So no event is about a peer that is gone. The loop
may put an answered peer back meanwhile, because it was not watched when it was given.
"""

from libc.stdlib cimport free
from libc.string cimport memcpy

from posix.unistd cimport read

from namesrv._fast.atomic cimport load_count, store_count
from namesrv._fast.lane cimport (
    MOST_FILLED_BYTES, MOST_READS, READ_BYTES, Lane, Read, begin, drop, forget_input,
    give, give_sample, hand_over, keep, watch_again,
)
from namesrv._fast.lane_accept cimport accept, listen
from namesrv._fast.lane_cores cimport go_first
from namesrv._fast.lane_peers cimport (
    Peer, call, count_one, head_of, pthread_mutex_lock, pthread_mutex_unlock, take_all,
)
from namesrv._fast.lane_system cimport (
    EAGAIN, EINTR, EPOLLIN, EPOLL_CTL_DEL, MSG_DONTWAIT, MSG_NOSIGNAL, SIG_SETMASK,
    epoll_ctl, epoll_event, epoll_wait, errno, monotonic_millis, pthread_attr_destroy,
    pthread_attr_init, pthread_attr_setstacksize, pthread_attr_t, pthread_create,
    pthread_sigmask, pthread_t, recv, sched_getcpu, send, sigfillset, sigset_t,
)
from namesrv._fast.lookups cimport ASK, GO_ON, PAUSE, Lookups, Sample
from namesrv._fast.output cimport Output, release

cdef enum:
    STACK_BYTES = 1 << 20
    MOST_EVENTS = 64
    SHORT_READ_BYTES = 1 << 12
    SHORT_READS_ABOVE = 8 << 20
    OUTPUT_KEPT_BYTES = 2 << 20
    PARTIAL_MILLIS = 1000
    SHORTEST_WAIT_MILLIS = 100
    CROWDED_IDLE_MILLIS = 1000
    SWEPT_AT_ONCE = 64
    CACHE_LINE_BYTES = 64


cdef void* _run(Lane* lane, Lookups lookups) noexcept nogil:
    """The whole life of a lane; at its end the loop gets all that it has."""
    cdef epoll_event events[MOST_EVENTS]
    cdef int count, place, wait_millis
    go_first()
    listen(lane)
    wait_millis = _wait_millis(lane)
    while not load_count(&lane.shared.is_stopping):
        if lane.has_given:
            lane.has_given = False
            call(&lane.shared.for_the_loop)
        store_count(&lane.is_awake, False)
        count = epoll_wait(lane.epoll, events, MOST_EVENTS, wait_millis)
        store_count(&lane.core, sched_getcpu())
        store_count(&lane.is_awake, True)
        pthread_mutex_lock(&lane.lines)
        lane.now_ms = monotonic_millis()
        for place in range(count):
            _handle(lane, &events[place])
            if lane.reads_count == MOST_READS or lane.filled >= MOST_FILLED_BYTES:
                _answer_reads(lane, lookups)
        _answer_reads(lane, lookups)
        _open_inbox(lane, lookups)
        _sweep(lane)
        if lane.output.capacity > OUTPUT_KEPT_BYTES:
            release(&lane.output)
        wait_millis = _wait_millis(lane)
        pthread_mutex_unlock(&lane.lines)
    _end(lane, lookups)
    return NULL


ctypedef void* (*Run)(Lane*, void*) noexcept nogil
cdef Run _run_borrowed = <Run>_run


cdef int start_thread(Lane* lane, pthread_t* thread) noexcept nogil:
    """Start the thread of a lane; 0, or the number of the error."""
    cdef pthread_attr_t attributes
    cdef sigset_t everything, before
    cdef int error
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, STACK_BYTES)
    # Signals belong to the thread of the loop; a new thread inherits the mask.
    sigfillset(&everything)
    pthread_sigmask(SIG_SETMASK, &everything, &before)
    error = pthread_create(thread, &attributes, enter, lane)
    pthread_sigmask(SIG_SETMASK, &before, NULL)
    pthread_attr_destroy(&attributes)
    return error


cdef void* enter(void* place) noexcept nogil:
    """The entry of a lane's thread. Its `Lookups` is borrowed from `Lanes`, because a
    reference to it would need the GIL."""
    cdef Lane* lane = <Lane*>place
    return _run_borrowed(lane, lane.lookups)


cdef inline void _handle(Lane* lane, const epoll_event* event) noexcept nogil:
    cdef void* source = event.data.ptr
    cdef long long wakes
    if source == &lane.inbox:
        read(lane.inbox.wake_fd, &wakes, sizeof(wakes))
    elif source == lane:
        accept(lane)
    else:
        _read(lane, <Peer*>source, event.events)


cdef int _wait_millis(Lane* lane) noexcept nogil:
    """The time until something has to be done without an event; -1 for never."""
    cdef long long now_ms = monotonic_millis()
    cdef long long due_ms = -1
    cdef long long idle_millis = load_count(&lane.shared.idle_millis)
    cdef Peer* quiet = head_of(&lane.quiet)
    cdef Peer* partial = head_of(&lane.partial)
    # The loop may put the first one there while the lane waits.
    cdef long long quiet_since_ms = now_ms if quiet == NULL else quiet.read_ms
    if lane.accept_again_ms:
        due_ms = lane.accept_again_ms
    if partial != NULL:
        due_ms = _earlier(due_ms, partial.kept_ms + PARTIAL_MILLIS)
    if idle_millis:
        due_ms = _earlier(due_ms, quiet_since_ms + idle_millis)
    if load_count(&lane.shared.gives_idle):
        due_ms = _earlier(due_ms, quiet_since_ms + CROWDED_IDLE_MILLIS)
    if due_ms < 0:
        return -1
    return <int>max(due_ms - now_ms, SHORTEST_WAIT_MILLIS)


cdef inline long long _earlier(long long one, long long other) noexcept nogil:
    return other if one < 0 or other < one else one


cdef void _read(Lane* lane, Peer* peer, unsigned int events) noexcept nogil:
    """Read from a peer, behind the reads that wait for their answers."""
    cdef Read* one = &lane.reads[lane.reads_count]
    cdef Py_ssize_t kept = peer.input_length
    cdef Py_ssize_t wanted = READ_BYTES
    cdef Py_ssize_t length
    one.peer = peer
    one.data = lane.buffer + lane.filled
    # The loop reads the rest of a long request itself, if it gets the connection.
    if (
        not peer.has_version
        or load_count(&lane.shared.held_bytes) > SHORT_READS_ABOVE
    ):
        wanted = SHORT_READ_BYTES
    length = recv(peer.fd, one.data + kept, wanted, MSG_DONTWAIT)
    if length == 0 or (length < 0 and errno != EAGAIN and errno != EINTR):
        drop(lane, peer)
        return
    if length < 0:
        if errno == EINTR:
            watch_again(lane, peer)
        return  # the next input is another event
    # A read ends at urgent data, too.
    if length == wanted or events != EPOLLIN:
        watch_again(lane, peer)
    if kept:
        memcpy(one.data, peer.input, kept)
    forget_input(peer)
    peer.has_sent = True
    peer.read_ms = lane.now_ms
    one.kept = kept
    one.length = kept + length
    lane.reads_count += 1
    lane.filled += (one.length + CACHE_LINE_BYTES - 1) & -CACHE_LINE_BYTES


cdef void _answer_reads(Lane* lane, Lookups lookups) noexcept nogil:
    """Answer all that was read. Several reads, and then their answers, take less time
    than one after the other, because the caches have the code of only one of them."""
    cdef Read* one
    cdef int place
    for place in range(lane.reads_count):
        one = &lane.reads[place]
        _answer(lane, lookups, one.peer, one.data, one.length, one.kept)
    lane.reads_count = 0
    lane.filled = 0


cdef void _answer(
    Lane* lane,
    Lookups lookups,
    Peer* peer,
    const unsigned char* data,
    Py_ssize_t length,
    Py_ssize_t kept,
) noexcept nogil:
    """Answer the input, and send; `kept` bytes of it were kept before."""
    cdef Output* output = &lane.output
    cdef int verdict
    cdef Py_ssize_t answered = 0, asked = 0, sent
    output.length = 0  # A peer that was dropped leaves its answers there.
    verdict = lookups.answer(
        &peer.latest_shape, data, length, output, &answered, &asked
    )
    _note(lane, lookups, peer, data, answered + asked > 0)
    data += answered
    length -= answered
    kept -= answered
    sent = _send(peer, output.data, output.length)
    if sent < 0:
        drop(lane, peer)
    elif sent < output.length:
        hand_over(lane, peer, data, length, output.data + sent, output.length - sent)
    elif verdict == ASK:
        peer.asked = asked
        count_one(&lane.asked)
        hand_over(lane, peer, data, length, NULL, 0)
    elif verdict == GO_ON or (verdict == PAUSE and length == 0):
        keep(lane, peer, data, length, kept > 0)
    else:
        # Also after a pause: the loop has turns for peers with long answers.
        hand_over(lane, peer, data, length, NULL, 0)


cdef void _note(
    Lane* lane,
    Lookups lookups,
    Peer* peer,
    const unsigned char* data,
    bint has_requests,
) noexcept nogil:
    """Take over the results of the last answers; `data` is their input."""
    cdef int place
    cdef Sample* sample
    if has_requests:
        peer.version = lookups.client_version
        peer.has_version = True
    for place in range(lookups.samples_count):
        sample = &lookups.sample_views[place]
        give_sample(
            lane, peer, sample.serialize_type, data + sample.header_start,
            sample.header_length,
        )


cdef Py_ssize_t _send(Peer* peer, const char* data, Py_ssize_t length) noexcept nogil:
    """The bytes that the socket took at once, -1 if the connection is broken."""
    cdef Py_ssize_t sent
    if length == 0:
        return 0
    sent = send(peer.fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT)
    if sent < 0 and (errno == EAGAIN or errno == EINTR):
        return 0
    return sent


cdef void _open_inbox(Lane* lane, Lookups lookups) noexcept nogil:
    """Begin with new peers, and go on with those whose question was answered."""
    cdef Peer* peer = take_all(&lane.inbox)
    cdef Peer* following
    while peer != NULL:
        following = peer.next
        peer.next = NULL
        if peer.is_new:
            begin(lane, peer)
        else:
            _go_on(lane, lookups, peer)
        peer = following


cdef void _go_on(Lane* lane, Lookups lookups, Peer* peer) noexcept nogil:
    """The loop has answered some or all of the question: send that, and go on with the
    rest of the input."""
    cdef unsigned char* input = peer.input
    cdef Py_ssize_t length = peer.input_length
    cdef char* output = peer.output
    cdef Py_ssize_t output_length = peer.output_length
    cdef Py_ssize_t sent = _send(peer, output, output_length)
    peer.input = NULL
    peer.output = NULL
    peer.input_length = peer.output_length = 0
    if sent < 0:
        drop(lane, peer)
    elif sent < output_length:
        hand_over(lane, peer, input, length, output + sent, output_length - sent)
    elif length:
        _answer(lane, lookups, peer, input, length, 0)
    else:
        keep(lane, peer, NULL, 0, False)
    free(input)
    free(output)


cdef void _sweep(Lane* lane) noexcept nogil:
    """Give the loop peers that it has to judge: with old parts of frames, or idle."""
    cdef long long idle_millis = load_count(&lane.shared.idle_millis)
    cdef Peer* peer = head_of(&lane.partial)
    cdef int _place
    if lane.accept_again_ms and _may_accept(lane):
        listen(lane)
    while peer != NULL and lane.now_ms - peer.kept_ms >= PARTIAL_MILLIS:
        give(lane, peer)
        peer = head_of(&lane.partial)
    if load_count(&lane.shared.gives_idle):
        # The loop closes an idle one if a broker needs its place.
        idle_millis = CROWDED_IDLE_MILLIS
    for _place in range(SWEPT_AT_ONCE):
        peer = head_of(&lane.quiet)
        if not idle_millis or peer == NULL or lane.now_ms - peer.read_ms < idle_millis:
            return
        give(lane, peer)


cdef inline bint _may_accept(Lane* lane) noexcept nogil:
    if lane.waits_for_loop and load_count(&lane.shared.undecided) == 0:
        return True
    return lane.now_ms >= lane.accept_again_ms


cdef void _end(Lane* lane, Lookups lookups) noexcept nogil:
    """Give everything to the loop."""
    cdef int place
    _open_inbox(lane, lookups)
    while head_of(&lane.partial) != NULL:
        give(lane, head_of(&lane.partial))
    while head_of(&lane.quiet) != NULL:
        give(lane, head_of(&lane.quiet))
    for place in range(lane.listeners_count):
        epoll_ctl(lane.epoll, EPOLL_CTL_DEL, lane.listeners[place], NULL)
    release(&lane.output)
