"""Numbers that a thread writes while another one reads them. Compiled only.

A number is whole when it is read, and everything that was written before it can be
read after it. `add_count` returns the number from before.
"""

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define namesrv_load(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
    #define namesrv_store(place, value) \\
        __atomic_store_n(place, value, __ATOMIC_RELEASE)
    #define namesrv_add(place, value) \\
        __atomic_fetch_add(place, value, __ATOMIC_ACQ_REL)
    #else
    #define namesrv_load(place) (*(place))
    #define namesrv_store(place, value) (*(place) = (value))
    #define namesrv_add(place, value) ((*(place) += (value)) - (value))
    #endif
    """
    int load "namesrv_load"(int* place) noexcept nogil
    void store "namesrv_store"(int* place, int value) noexcept nogil
    long long load_count "namesrv_load"(long long* place) noexcept nogil
    void store_count "namesrv_store"(long long* place, long long value) noexcept nogil
    long long add_count "namesrv_add"(long long* place, long long value) noexcept nogil
