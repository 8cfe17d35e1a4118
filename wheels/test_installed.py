"""Run the tests from the wheel in wheels/dist: `make wheel-test`.

The environment is empty and the checkout out of reach: tests/ is linked into an empty
folder, and safe paths keep the working directory out of every process.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "wheel-test"


def main() -> int:
    """Install and test; the exit code of pytest, whose words may be given."""
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
    words = ["-P", "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal"]
    words += ["--import-mode=importlib", "--hypothesis-profile=quick"]
    command = [python, *words, *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environ).returncode


if __name__ == "__main__":
    sys.exit(main())
