"""Special builds of the compiled twin: `make sanitize`, `sanitize-lanes`, `debug-test`,
`coverage-fast` and `hot-loop`.

Each has a copy of the sources in .cache/NAME/src. In the checkout, Cython would take
their C files for those of the next plain build. Words after the name go to pytest.
"""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
COPIED = (
    *("CHANGELOG.md", "LICENSE", "README.md", "docs", "namesrv", "pyproject.toml"),
    *("setup.py", "tests"),
)
# Bytecode comes along. It is valid beside a copy, which keeps the time of its source.
LEFT_OUT = shutil.ignore_patterns("*.c", "*.so", ".cache")
# The tests that compare the twins, and those that run a server on the compiled one.
TWINS = ("tests/hot_path", "tests/parity", "tests/fuzz")
# Those that feed the compiled twin bytes of peers, for the sanitizers: they watch its
# memory, and the rest of the server is Python, which has none of its own.
FED = (
    *("tests/golden/test_real.py", "tests/golden/test_transcripts.py"),
    *("tests/golden/test_split_input.py", "tests/simulation/test_many_histories.py"),
    *("tests/hostile", "tests/server/connections"),
)
SERVERS = (
    *("tests/routing", "tests/server", "tests/golden", "tests/hostile"),
    "tests/simulation",
)
COMMAND_LINE = "tests/cli"
# Of those: a pure twin has no memory of its own, HTTP is Python, and the formula of the
# whole memory has no line for quarantines.
NOT_FED = (
    "-knot [pure",
    "--ignore=tests/hostile/test_http.py",
    "--ignore=tests/hostile/test_streams.py",
    "--deselect=tests/hostile/test_memory.py::test_memory_stays_below_the_formula",
)
# Quarantines keep this frame alive, so that it is no leak.
NOT_SANITIZED = (
    "tests/hostile/test_bodies.py"
    "::test_large_frame_leaves_no_room_behind_while_its_sender_waits"
)
# Tests wait for a third of their time.
IN_PARALLEL = ("-q", "-n", str(2 * (os.cpu_count() or 1)), "--dist", "worksteal")


class Build:
    """A copy of the sources, and commands that run in it."""

    def __init__(self, name: str, *python: str) -> None:
        self.folder = CACHE / name
        self.source = self.folder / "src"
        self.python = python or (sys.executable,)
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir(parents=True)
        for item in COPIED:
            if (ROOT / item).is_dir():
                shutil.copytree(ROOT / item, self.source / item, ignore=LEFT_OUT)
            else:
                shutil.copy(ROOT / item, self.source)

    def run(self, *words: str, **environment: str) -> None:
        """Run Python with these words; CalledProcessError if it fails."""
        ours = {"PYTHONPATH": str(self.source), "NAMESRV_REQUIRE_EXTENSIONS": "1"}
        command = [*self.python, *words]
        environ = {**os.environ, **ours, **environment}
        subprocess.run(command, cwd=self.source, env=environ, check=True)

    def compile(self, **environment: str) -> None:
        """Build the extension where its sources are."""
        self.run("setup.py", "--quiet", "build_ext", "--inplace", **environment)


def sanitize(words: Sequence[str]) -> None:
    """Run the tests with AddressSanitizer and UBSan in the compiled twin."""
    build = Build("sanitize")
    build.compile(NAMESRV_SANITIZE="1")
    tests = words or ("--hypothesis-profile=quick", *TWINS, *FED, *NOT_FED)
    with _reports(build) as report:
        build.run(
            *("-m", "pytest", *IN_PARALLEL, *tests, "--deselect", NOT_SANITIZED),
            **address_sanitizer(report),
        )


def sanitize_lanes(words: Sequence[str]) -> None:
    """Disturb the lookup lanes of servers with AddressSanitizer and ThreadSanitizer."""
    for name, sanitizer, environment in (
        ("lanes-address", "address", address_sanitizer),
        ("lanes-thread", "thread", thread_sanitizer),
    ):
        # ThreadSanitizer has fixed places in memory.
        build = Build(name, "setarch", "-R", sys.executable)
        build.compile(NAMESRV_SANITIZE=sanitizer)
        disturb_lanes(build, environment, words)


def disturb_lanes(
    build: Build, environment: Callable[[Path], Mapping[str, str]], words: Sequence[str]
) -> None:
    """Run `tests.races` on a build; CalledProcessError after a report."""
    with _reports(build) as report:
        switches = environment(report).items()
        given = [f"--environment={name}={value}" for name, value in switches]
        build.run("-m", "tests.races", *given, *(words or ("--seconds", "25")))


@contextmanager
def _reports(build: Build) -> Iterator[Path]:
    """Print what sanitizers write to files of this name, at the end.

    pytest swallows what a dying process prints.
    """
    for old in build.folder.glob("report.*"):
        old.unlink()
    try:
        yield build.folder / "report"
    finally:
        for report in sorted(build.folder.glob("report.*")):
            print(report.read_text(errors="replace"), file=sys.stderr)


def address_sanitizer(report: Path) -> Mapping[str, str]:
    """The environment of a process with AddressSanitizer and UBSan.

    Quarantines are small, because tests measure memory.
    """
    memory = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    memory += ":allocator_release_to_os_interval_ms=100"
    return {
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": f"detect_leaks=0:{memory}:log_path={report}",
        "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:log_path={report}",
        "LD_PRELOAD": _library("libasan.so"),
    }


def thread_sanitizer(report: Path) -> Mapping[str, str]:
    """The environment of a process with ThreadSanitizer; the interpreter has none."""
    return {
        "PYTHONMALLOC": "malloc",
        "TSAN_OPTIONS": f"halt_on_error=1:exitcode=66:log_path={report}",
        "LD_PRELOAD": _library("libtsan.so"),
    }


def no_sanitizer(report: Path) -> Mapping[str, str]:
    """The environment of a process of a plain build."""
    return {}


def _library(name: str) -> str:
    """Where the compiler has a library."""
    return subprocess.run(
        [os.environ.get("CC", "cc"), f"-print-file-name={name}"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()


def debug_test(words: Sequence[str]) -> None:
    """Run the tests on the debug build of CPython that runs this."""
    folder = CACHE / "debug" / "venv"
    venv.create(folder, clear=True, symlinks=True, with_pip=True)
    build = Build("debug", str(folder / "bin" / "python"))
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    constraints = str(ROOT / "wheels" / "constraints.txt")
    build.run(*pip, "-c", constraints, "Cython", "setuptools")
    build.run(*pip, f"{ROOT}[test]", NAMESRV_NO_EXTENSIONS="1")
    build.compile()
    build.run("-m", "pytest", *(words or (*TWINS, *SERVERS, COMMAND_LINE)))


def coverage_fast(words: Sequence[str]) -> None:
    """Report the lines of the compiled twin that its tests run.

    Coverage of .pyx counts lines, no branches, and slows them down a lot.
    """
    build = Build("traced")
    build.compile(NAMESRV_CYTHON_TRACING="1")
    settings = "--rcfile=tests/fast_coverage.ini"
    tests = words or (*TWINS, *SERVERS, COMMAND_LINE)
    build.run("-m", "coverage", "run", settings, "-m", "pytest", *tests)
    build.run("-m", "coverage", "report", settings)


def hot_loop(words: Sequence[str]) -> None:
    """Write the annotated C of the compiled twin: docs/hot-loop.md."""
    build = Build("hot-loop")
    fast = build.source / "namesrv" / "_fast"
    # No build: setup.py runs Cython for each command, with its own directives.
    build.run("setup.py", "--quiet", "--name", NAMESRV_ANNOTATE="1")
    print(fast.relative_to(ROOT) / "*.html")


BUILDS = {
    "sanitize": sanitize,
    "sanitize-lanes": sanitize_lanes,
    "debug-test": debug_test,
    "coverage-fast": coverage_fast,
    "hot-loop": hot_loop,
}


def main() -> int:
    """Make the build that the first word names; the exit code of what failed in it."""
    if len(sys.argv) < 2 or sys.argv[1] not in BUILDS:
        print(f"usage: special_build.py {'|'.join(BUILDS)} [WORDS]", file=sys.stderr)
        return 2
    try:
        BUILDS[sys.argv[1]](sys.argv[2:])
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
