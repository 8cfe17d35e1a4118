"""A lane, and the places of its peers: its lines, the loop, or nowhere any more.

Compiled only, Linux only: no Python. These functions belong to the thread of the lane.
The loop calls `put_back` and `set_limits`, and others while the thread does not run.
"""

from libc.stdlib cimport free
from libc.string cimport memset

from posix.unistd cimport close

from namesrv._fast.atomic cimport add_count, load_count, store_count
from namesrv._fast.lane_peers cimport (
    Line, Mailbox, Peer, close_box, copied, count_one, free_peer, leave, leave_line,
    new_peer, pthread_mutex_destroy, pthread_mutex_t, pthread_mutex_trylock,
    pthread_mutex_unlock, put_last,
)
from namesrv._fast.lane_system cimport (
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLIN, EPOLLPRI,
    EPOLLRDHUP, epoll_ctl, epoll_event,
)
from namesrv._fast.output cimport Output

cdef enum:
    MOST_LISTENERS = 64
    READ_BYTES = 1 << 16
    MOST_HELD_BYTES = 32 << 20
    MOST_READS = 32
    MOST_FILLED_BYTES = 1 << 14
    # The reads before, then the last one behind the kept part of a frame.
    BUFFER_BYTES = MOST_FILLED_BYTES + (1 << 12) + READ_BYTES
    PEER_EVENTS = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET


# Shared by all lanes and the loop.
cdef struct Shared:
    Mailbox for_the_loop
    long long is_stopping
    long long open          # connections of lanes, or on their way to the loop
    long long loop_open     # connections of the loop
    long long most_open     # from here on the loop decides about new ones
    long long undecided     # new ones about which it has not decided yet
    long long held_bytes    # input and output of peers that are at the loop
    long long idle_millis   # 0: no connection is idle
    long long gives_idle    # the loop wants idle ones, because others need a place


# The input of a peer that is answered next; the first `kept` bytes came before.
cdef struct Read:
    Peer* peer
    unsigned char* data
    Py_ssize_t length
    Py_ssize_t kept


cdef struct Lane:
    Shared* shared
    Lane* lanes             # all of them; the first one accepts
    int number
    int count
    int epoll
    int listeners_count
    int listeners[MOST_LISTENERS]
    void* lookups
    Mailbox inbox
    pthread_mutex_t lines   # the lane has it except while it waits for events
    Line quiet              # without kept input, the longest idle first
    Line partial            # with a part of a frame, the oldest first
    unsigned char* buffer   # of the reads, one behind the other
    Py_ssize_t filled       # bytes of it
    int reads_count
    Read reads[MOST_READS]
    Output output
    long long now_ms
    long long accept_again_ms
    bint waits_for_loop     # accepts again as soon as the loop has decided
    bint has_given          # peers for which the loop is not called yet
    int next_lane
    # Counters: the lane writes them, the loop reads them.
    long long accepted
    long long handed_over
    long long asked
    long long accept_failures
    long long dropped
    long long is_awake      # it does not wait for events
    long long core          # the one on which it woke up
    unsigned char room[128]


cdef inline void close_lane(Lane* lane) noexcept nogil:
    """Free a lane whose thread has ended."""
    close_box(&lane.inbox)
    pthread_mutex_destroy(&lane.lines)
    if lane.epoll > 0:
        close(lane.epoll)
    free(lane.buffer)


cdef inline bint is_crowded(Shared* shared) noexcept nogil:
    cdef long long open = load_count(&shared.open) + load_count(&shared.loop_open)
    return open >= load_count(&shared.most_open)


cdef inline bint set_limits(
    Shared* shared, long long most_open, long long idle_millis
) noexcept nogil:
    """Show lanes the limits of now; whether those that sleep have to wake up."""
    cdef bint is_news = idle_millis != load_count(&shared.idle_millis)
    cdef bint gives_idle
    store_count(&shared.most_open, most_open)
    gives_idle = is_crowded(shared)
    is_news = is_news or gives_idle != load_count(&shared.gives_idle)
    store_count(&shared.idle_millis, idle_millis)
    store_count(&shared.gives_idle, gives_idle)
    return is_news


cdef inline bint change_watch(
    Lane* lane, int change, int fd, unsigned int events, void* source
) noexcept nogil:
    cdef epoll_event event
    memset(&event, 0, sizeof(event))
    event.events = events
    event.data.ptr = source
    return epoll_ctl(lane.epoll, change, fd, &event) == 0


cdef inline bint watch(Lane* lane, int fd, void* source) noexcept nogil:
    """Have an event of a descriptor as long as it has input; False without memory."""
    return change_watch(lane, EPOLL_CTL_ADD, fd, EPOLLIN, source)


cdef inline bint watch_peer(Lane* lane, Peer* peer) noexcept nogil:
    """Have an event whenever a peer's input or its end comes; False without memory.

    One that is read to the end is not looked at again, as it would be by `watch`.
    """
    peer.is_watched = change_watch(lane, EPOLL_CTL_ADD, peer.fd, PEER_EVENTS, peer)
    return peer.is_watched


cdef inline void watch_again(Lane* lane, Peer* peer) noexcept nogil:
    """Have another event of a peer that may not be read to the end."""
    change_watch(lane, EPOLL_CTL_MOD, peer.fd, PEER_EVENTS, peer)


cdef inline void forget_input(Peer* peer) noexcept nogil:
    free(peer.input)
    peer.input = NULL
    peer.input_length = 0


cdef inline void drop(Lane* lane, Peer* peer) noexcept nogil:
    """The connection has ended, or there is no memory for it."""
    leave_line(peer)
    if peer.is_counted:
        add_count(&lane.shared.open, -1)
    free_peer(peer)


cdef inline void leave_to_loop(Lane* lane, Peer* peer) noexcept nogil:
    """Give the loop a peer. It is called once the lane has answered all that came: it
    may take the core."""
    leave(&lane.shared.for_the_loop, peer)
    lane.has_given = True


cdef inline void give(Lane* lane, Peer* peer) noexcept nogil:
    leave_line(peer)
    if peer.is_watched:
        epoll_ctl(lane.epoll, EPOLL_CTL_DEL, peer.fd, NULL)
        peer.is_watched = False
    if not peer.asked:
        count_one(&lane.handed_over)
    add_count(&lane.shared.held_bytes, peer.input_length + peer.output_length)
    leave_to_loop(lane, peer)


cdef inline void give_sample(
    Lane* lane,
    Peer* peer,
    int serialize_type,
    const unsigned char* header,
    Py_ssize_t length,
) noexcept nogil:
    """Give the loop a lookup that it wants as a sample, if there is memory for it. It
    takes samples at each tick, and is not called for them."""
    cdef Peer* sample = new_peer(-1, lane.number)
    if sample == NULL:
        return
    sample.is_sample = True
    sample.version = serialize_type
    sample.address = peer.address
    sample.input = <unsigned char*>copied(header, length)
    sample.input_length = length if sample.input != NULL else 0
    add_count(&lane.shared.held_bytes, sample.input_length)
    leave(&lane.shared.for_the_loop, sample)


cdef inline void hand_over(
    Lane* lane,
    Peer* peer,
    const unsigned char* data,
    Py_ssize_t length,
    const char* unsent,
    Py_ssize_t unsent_length,
) noexcept nogil:
    """Give a connection to the loop with input and output, which are copied. One that
    does not read its answers is closed if the loop has much to do already."""
    if unsent_length and load_count(&lane.shared.held_bytes) > MOST_HELD_BYTES:
        count_one(&lane.dropped)
        drop(lane, peer)
        return
    peer.input = <unsigned char*>copied(data, length)
    peer.output = <char*>copied(unsent, unsent_length)
    if (length and peer.input == NULL) or (unsent_length and peer.output == NULL):
        count_one(&lane.dropped)
        drop(lane, peer)
        return
    peer.input_length = length
    peer.output_length = unsent_length
    give(lane, peer)


cdef inline void keep(
    Lane* lane, Peer* peer, const unsigned char* data, Py_ssize_t length, bint is_older
) noexcept nogil:
    """Wait for more input; `data` is the part of a frame that has come."""
    if not peer.is_watched and not watch_peer(lane, peer):
        hand_over(lane, peer, data, length, NULL, 0)
        return
    if length == 0:
        leave_line(peer)
        put_last(&lane.quiet, peer)
        return
    peer.input = <unsigned char*>copied(data, length)
    if peer.input == NULL:
        drop(lane, peer)
        return
    peer.input_length = length
    if is_older:
        return  # its time and its place in the line stay
    peer.kept_ms = lane.now_ms
    leave_line(peer)
    put_last(&lane.partial, peer)


cdef inline void begin(Lane* lane, Peer* peer) noexcept nogil:
    peer.is_new = False
    keep(lane, peer, NULL, 0, False)


cdef inline bint put_back(Lane* lane, Peer* peer) noexcept nogil:
    """Have the loop put a peer whose question was answered back into its line, so that
    the lane need not wake up for it. False if the lane has to care: it is awake, or
    there is something to send or to answer, or no memory."""
    cdef bint is_back
    if peer.input_length or peer.output_length:
        return False
    if pthread_mutex_trylock(&lane.lines) != 0:
        return False
    forget_input(peer)
    free(peer.output)
    peer.output = NULL
    put_last(&lane.quiet, peer)
    is_back = watch_peer(lane, peer)
    if not is_back:
        leave_line(peer)
    pthread_mutex_unlock(&lane.lines)
    return is_back
