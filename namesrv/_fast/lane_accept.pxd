"""Accepting in the first lane, and dealing out new connections in turn.

Compiled only, Linux only: no Python.
"""

from libc.string cimport memcpy

from posix.unistd cimport close

from namesrv._fast.atomic cimport add_count, load_count
from namesrv._fast.lane cimport Lane, begin, is_crowded, leave_to_loop, watch
from namesrv._fast.lane_peers cimport Address, Peer, count_one, new_peer, post
from namesrv._fast.lane_system cimport (
    AF_INET, AF_INET6, EAGAIN, EEXIST, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM,
    EPOLL_CTL_DEL, IPPROTO_TCP, SOCK_CLOEXEC, SOCK_NONBLOCK, TCP_NODELAY, accept4,
    epoll_ctl, errno, ntohs, setsockopt, sockaddr, sockaddr_in, sockaddr_in6,
    sockaddr_storage, socklen_t,
)

cdef enum:
    ACCEPTED_AT_ONCE = 16
    MOST_UNDECIDED = 16
    ACCEPT_AGAIN_MILLIS = 100


cdef inline void listen(Lane* lane) noexcept nogil:
    """Accept from all listeners."""
    cdef int place
    lane.accept_again_ms = 0
    lane.waits_for_loop = False
    for place in range(lane.listeners_count):
        if not watch(lane, lane.listeners[place], lane) and errno != EEXIST:
            lane.accept_again_ms = lane.now_ms + ACCEPT_AGAIN_MILLIS


cdef inline bint _is_shortage(int error) noexcept nogil:
    return error == EMFILE or error == ENFILE or error == ENOBUFS or error == ENOMEM


cdef inline void _pause(Lane* lane) noexcept nogil:
    cdef int place
    for place in range(lane.listeners_count):
        epoll_ctl(lane.epoll, EPOLL_CTL_DEL, lane.listeners[place], NULL)
    lane.accept_again_ms = lane.now_ms + ACCEPT_AGAIN_MILLIS


cdef inline bint _accept_failed(Lane* lane, int error) noexcept nogil:
    """Whether to go on. Without descriptors or memory no connection is accepted for a
    while, so that the ones in the backlog do not keep the lane busy."""
    if error == EAGAIN:
        return False
    if error == EINTR or not _is_shortage(error):
        return True
    count_one(&lane.accept_failures)
    _pause(lane)
    return False


cdef inline void _note_address(Address* address, sockaddr* name) noexcept nogil:
    cdef sockaddr_in* four = <sockaddr_in*>name
    cdef sockaddr_in6* six = <sockaddr_in6*>name
    address.family = name.sa_family
    if name.sa_family == AF_INET:
        address.port = ntohs(four.sin_port)
        memcpy(address.host, &four.sin_addr, 4)
    elif name.sa_family == AF_INET6:
        address.port = ntohs(six.sin6_port)
        address.scope = six.sin6_scope_id
        memcpy(address.host, &six.sin6_addr, 16)


cdef inline void _deal(Lane* lane, Peer* peer) noexcept nogil:
    """Give a new peer to the lane whose turn it is."""
    lane.next_lane += 1
    if lane.next_lane == lane.count:
        lane.next_lane = 0
    if peer.lane == lane.number:
        begin(lane, peer)
    else:
        peer.is_new = True
        post(&lane.lanes[peer.lane].inbox, peer)


cdef inline bint _accept_one(Lane* lane, int listener) noexcept nogil:
    cdef sockaddr_storage name
    cdef socklen_t length = sizeof(name)
    cdef int one = 1
    cdef Peer* peer
    cdef int fd
    # Beyond the limit each one takes a descriptor that files may need.
    if load_count(&lane.shared.undecided) >= MOST_UNDECIDED:
        lane.waits_for_loop = True
        _pause(lane)
        return False
    fd = accept4(listener, <sockaddr*>&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if fd < 0:
        return _accept_failed(lane, errno)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))
    peer = new_peer(fd, lane.next_lane)
    if peer == NULL:
        close(fd)
        count_one(&lane.dropped)
        return True
    peer.read_ms = lane.now_ms
    _note_address(&peer.address, <sockaddr*>&name)
    if is_crowded(lane.shared):
        add_count(&lane.shared.undecided, 1)
        leave_to_loop(lane, peer)
        return True
    peer.is_counted = True
    add_count(&lane.shared.open, 1)
    count_one(&lane.accepted)
    _deal(lane, peer)
    return True


cdef inline void accept(Lane* lane) noexcept nogil:
    cdef int place, _number
    for place in range(lane.listeners_count):
        for _number in range(ACCEPTED_AT_ONCE):
            if not _accept_one(lane, lane.listeners[place]):
                break
