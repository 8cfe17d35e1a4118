"""Build, check and try everything that is released; `make wheels` runs it.

The sdist is built from the checkout and the wheels from the sdist, so that a file
missing there cannot go unseen. Results, with SHA256SUMS, are left in wheels/dist.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

WHEELS = Path(__file__).resolve().parent
ROOT = WHEELS.parent
DIST = WHEELS / "dist"
NEWEST_MINOR = 14


def run(*command: str | Path, **switches: str) -> None:
    """Run a command with only these of namesrv's switches set; its failure is ours."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("NAMESRV_")}
    print("+", *[f"{k}={v}" for k, v in switches.items()], *command, flush=True)
    subprocess.run(command, check=True, env=environ | switches)


def tool(name: str) -> Path:
    """A program of the environment that runs this."""
    return Path(sys.executable).parent / name


def build(what: str, source: Path, target: Path, **switches: str) -> Path:
    """The one file that building `what` (sdist, wheel) of `source` gives."""
    constraints = WHEELS / "constraints.txt"
    command: list[str | Path] = [sys.executable, "-m", "build", "--quiet", f"--{what}"]
    command += ["--outdir", target]
    command += ["--dependency-constraints-txt", constraints]
    run(*command, source, **switches)
    (built,) = target.iterdir()
    return built


def build_all(folder: Path) -> tuple[Path, Path, Path]:
    """The sdist, the compiled wheel and the pure wheel, in DIST."""
    made = build("sdist", ROOT, folder / "sdist")
    sdist = Path(shutil.copy(made, DIST))
    plain = build("wheel", sdist, folder / "fast", NAMESRV_LIMITED_API="1")
    if sys.platform == "linux":
        repaired = folder / "repaired"
        path = f"{tool('patchelf').parent}{os.pathsep}{os.environ['PATH']}"
        auditwheel = [sys.executable, "-m", "auditwheel"]
        run(*auditwheel, "repair", "--strip", "-w", repaired, plain, PATH=path)
        (plain,) = repaired.iterdir()
        run(tool("abi3audit"), "--strict", "--verbose", plain)
    fast = Path(shutil.copy(plain, DIST))
    made = build("wheel", sdist, folder / "pure", NAMESRV_NO_EXTENSIONS="1")
    pure = Path(shutil.copy(made, DIST))
    return sdist, fast, pure


def check_contents(sdist: Path, fast: Path, pure: Path) -> None:
    """One wheel for every CPython from 3.11 on, one for everything; sources apart."""
    assert "-cp311-abi3-" in fast.name, fast.name
    assert pure.name.endswith("-py3-none-any.whl"), pure.name
    with tarfile.open(sdist) as archive:
        check_suffixes(archive.getnames(), has={".pyx", ".pxd"}, lacks={".c", ".so"})
    sources = {".c", ".pyx", ".pxd"}
    check_suffixes(ZipFile(fast).namelist(), has={".so"}, lacks=sources)
    check_suffixes(ZipFile(pure).namelist(), has={".py"}, lacks=sources | {".so"})


def check_suffixes(names: list[str], has: set[str], lacks: set[str]) -> None:
    """All of these, none of those."""
    suffixes = {Path(name).suffix for name in names}
    assert has <= suffixes and not lacks & suffixes, suffixes


def write_sums(*files: Path) -> None:
    """As `sha256sum --check SHA256SUMS` reads them."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in files
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines))


def pythons() -> list[str]:
    """This interpreter and every other minor version that PATH has, or as told."""
    if sys.argv[1:]:
        return sys.argv[1:]
    found = [sys.executable]
    for minor in range(11, NEWEST_MINOR + 1):
        python = shutil.which(f"python3.{minor}")
        if minor != sys.version_info.minor and python and can_make_environments(python):
            found.append(python)
    return found


def can_make_environments(python: str) -> bool:
    """Whether it runs at all: a version manager's stand-in may not."""
    command = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True).returncode == 0


def smoke(python: str, wheel: Path, twin: str, folder: Path) -> None:
    """Install a wheel into an empty environment and try it there."""
    environment = Path(tempfile.mkdtemp(dir=folder))
    run(python, "-m", "venv", environment)
    inside = environment / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check"]
    run(inside, "-m", "pip", "install", *quiet, wheel)
    run(inside, "-I", WHEELS / "smoke.py", twin)


def main() -> None:
    """Everything; the first failure ends it."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with tempfile.TemporaryDirectory(prefix="namesrv-wheels-") as name:
        folder = Path(name)
        sdist, fast, pure = build_all(folder)
        check_contents(sdist, fast, pure)
        run(sys.executable, "-m", "twine", "check", "--strict", sdist, fast, pure)
        write_sums(sdist, fast, pure)
        for python in pythons():
            smoke(python, fast, "fast", folder)
            smoke(python, pure, "pure", folder)
    print((DIST / "SHA256SUMS").read_text(), end="")


main()
