"""Run tests from the wheel in wheels/dist: `make wheel-test`.

The environment is empty and the checkout out of reach: tests/ is linked into an empty
folder, and safe paths keep the working directory out of every process.

A wheel can differ from the checkout in three ways, and these tests notice them. The
compiled twin is built for the stable ABI: parity, hot path, transcripts and leaks. A
file, an entry point or a dependency is missing: each module imported alone, the public
names, the command line, a server as a process. `namesrv.testing` is used from it: the
simulator and the peer kit. The rest is Python that is equal byte for byte, which
`make test` has tested; words on the command line run any of it.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "wheel-test"
# Tests wait for a third of their time.
WORKERS = str(2 * (os.cpu_count() or 1))
CHOSEN = (
    *("tests/parity", "tests/hot_path", "tests/golden", "tests/server/connections"),
    *("tests/cli", "tests/peer", "tests/simulation/test_command.py"),
    *("tests/test_imports.py", "tests/test_public_names.py"),
    *("tests/server/test_nameserver_start.py", "tests/server/test_shutdown.py"),
)


def main() -> int:
    """Install and test; the exit code of pytest, which may get other words."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    venv.create(FOLDER / "venv", symlinks=True, with_pip=True)
    python = str(FOLDER / "venv" / "bin" / "python")
    wheels = sorted((ROOT / "wheels" / "dist").glob("*-abi3-*.whl"))
    if not wheels:
        print("wheels/dist has no abi3 wheel: run make wheels first", file=sys.stderr)
        return 1
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, f"{wheels[-1]}[test]"], check=True)
    path = FOLDER / "path"
    path.mkdir()
    (path / "tests").symlink_to(ROOT / "tests")
    environ = {
        **os.environ,
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": str(path),
        "NAMESRV_REQUIRE_EXTENSIONS": "1",
    }
    # `make test` has drawn more examples from the same sources.
    words = ["-P", "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal"]
    words += ["--import-mode=importlib", "--hypothesis-profile=quick"]
    command = [python, *words, *(sys.argv[1:] or CHOSEN)]
    return subprocess.run(command, cwd=ROOT, env=environ).returncode


if __name__ == "__main__":
    sys.exit(main())
