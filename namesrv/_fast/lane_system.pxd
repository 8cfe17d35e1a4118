"""The parts of Linux for lanes: threads, epoll, eventfd, sockets, a clock.

Compiled only: no Python.
"""

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    ctypedef struct pthread_attr_t:
        pass
    int pthread_attr_init(pthread_attr_t*)
    int pthread_attr_destroy(pthread_attr_t*)
    int pthread_attr_setstacksize(pthread_attr_t*, size_t)
    int pthread_create(
        pthread_t*, const pthread_attr_t*, void* (*)(void*) noexcept nogil, void*
    )
    int pthread_join(pthread_t, void**)
    int pthread_setname_np(pthread_t, const char*)

cdef extern from * nogil:
    """
    #include <malloc.h>
    /* Have a heap for each thread: a lane in the heap of the loop would wait for ms
       while the loop gives memory back. By itself glibc has 8 heaps for each core at
       most, or the number in MALLOC_ARENA_MAX, and may have decided already. */
    static inline void lane_part_heaps(void) {
    #ifdef M_ARENA_MAX  /* glibc */
        mallopt(M_ARENA_MAX, 80);  /* 64 lanes, and whatever else has a thread */
    #endif
    }
    /* Give back the memory that the start of the process has freed. By itself glibc
       gives back only the end of the heap. */
    static inline void lane_trim_heap(void) {
    #ifdef M_ARENA_MAX
        malloc_trim(0);
    #endif
    }
    """
    void part_heaps "lane_part_heaps"()
    void trim_heap "lane_trim_heap"()

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define LANE_NORMAL 0  /* SCHED_OTHER */
    #define LANE_BATCH 3
    /* Give a thread another slice; its slice before, 0 if it has none. */
    static inline uint64_t lane_change_slice(int thread, uint64_t nanos) {
    #ifdef SYS_sched_setattr  /* the C library has no function, nor its struct */
        struct {
            uint32_t size, policy;
            uint64_t flags;
            int32_t nice;
            uint32_t priority;
            uint64_t runtime, deadline, period;
        } facts = {0};
        uint64_t before;
        if (syscall(SYS_sched_getattr, thread, &facts, sizeof(facts), 0) != 0 ||
            (facts.policy != LANE_NORMAL && facts.policy != LANE_BATCH))
            return 0;
        before = facts.runtime;
        facts.runtime = nanos;
        syscall(SYS_sched_setattr, thread, &facts, 0);
        return before;
    #else
        return 0;
    #endif
    }
    static inline int lane_this_thread(void) { return (int)syscall(SYS_gettid); }
    """
    unsigned long long change_slice "lane_change_slice"(
        int thread, unsigned long long nanos
    )
    int this_thread "lane_this_thread"()

cdef extern from * nogil:
    """
    #include <sys/prctl.h>
    #include <time.h>
    static inline void lane_sleep_shortly(void) {
        /* With less the time may be over before another thread has the core. */
        struct timespec moment = {0, 20000};
        prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
        nanosleep(&moment, NULL);
        prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);  /* the default of the thread */
    }
    """
    void sleep_shortly "lane_sleep_shortly"()

cdef extern from "<sched.h>" nogil:
    int sched_getcpu()

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    enum:
        SIG_SETMASK
    int sigfillset(sigset_t*)
    int pthread_sigmask(int, const sigset_t*, sigset_t*)

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
        EPOLL_CLOEXEC
        EPOLLET
        EPOLLIN
        EPOLLPRI
        EPOLLRDHUP
    ctypedef union epoll_data_t:
        void* ptr
    struct epoll_event:
        unsigned int events
        epoll_data_t data
    int epoll_create1(int)
    int epoll_ctl(int, int, int, epoll_event*)
    int epoll_wait(int, epoll_event*, int, int)

cdef extern from "<sys/eventfd.h>" nogil:
    enum:
        EFD_CLOEXEC
        EFD_NONBLOCK
    int eventfd(unsigned int, int)

cdef extern from "<sys/socket.h>" nogil:
    enum:
        AF_INET
        AF_INET6
        MSG_NOSIGNAL
        MSG_DONTWAIT
        SOCK_CLOEXEC
        SOCK_NONBLOCK
        IPPROTO_TCP "6"
        TCP_NODELAY "1"
    ctypedef unsigned int socklen_t
    struct sockaddr:
        unsigned short sa_family
    struct sockaddr_storage:
        pass
    int accept4(int, sockaddr*, socklen_t*, int)
    int setsockopt(int, int, int, const void*, socklen_t)
    Py_ssize_t recv(int, void*, size_t, int)
    Py_ssize_t send(int, const void*, size_t, int)

cdef extern from "<netinet/in.h>" nogil:
    struct in_addr:
        unsigned int s_addr
    struct in6_addr:
        unsigned char s6_addr[16]
    struct sockaddr_in:
        unsigned short sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        unsigned short sin6_port
        in6_addr sin6_addr
        unsigned int sin6_scope_id
    unsigned short ntohs(unsigned short)

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    enum:
        CLOCK_MONOTONIC
        CLOCK_MONOTONIC_COARSE
    int clock_gettime(int, timespec*)

cdef extern from "<poll.h>" nogil:
    enum:
        POLLIN
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd*, unsigned long, int)

cdef extern from "<errno.h>" nogil:
    int errno
    enum:
        EAGAIN
        EEXIST
        EINTR
        EMFILE
        ENFILE
        ENOBUFS
        ENOMEM


cdef inline long long monotonic_nanos() noexcept nogil:
    """The same clock, exact."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <long long>now.tv_sec * 1000000000 + now.tv_nsec


cdef inline long long monotonic_millis() noexcept nogil:
    """The loop's monotonic clock, a few milliseconds late."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
    return <long long>now.tv_sec * 1000 + now.tv_nsec // 1000000
