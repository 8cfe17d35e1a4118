"""Hypothesis profiles: the same examples in every run, and a wide search on demand.

`make test ARGS="--hypothesis-profile=search"` looks at many more, and other ones each
time. Timings never decide a test.
"""

from hypothesis import HealthCheck, settings

# Coverage and a loaded machine make every example slow, which is no fault of a test.
_SLOW = [HealthCheck.too_slow]

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile(
    "search",
    deadline=None,
    max_examples=3000,
    print_blob=True,
    suppress_health_check=_SLOW,
)
settings.load_profile("repeatable")
