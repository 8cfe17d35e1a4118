"""The machine, the versions and the circumstances of a run."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.driver.fetch import RUST_VERSION
from bench.driver.places import CHECKOUT, cores

_PACKAGES = ("uvloop", "msgspec", "cython", "pytest-benchmark")


def describe_machine() -> dict[str, Any]:
    """What somebody needs to judge or repeat the figures."""
    server_core, driver_core = cores()
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "server_core": server_core,
        "driver_core": driver_core,
        "memory_mib": _memory_kib() // 1024,
        "system": f"{platform.system()} {platform.release()}",
        "load_average": list(os.getloadavg()),
        "commit": _first_line(["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]),
        "changed_files": _changed_files(),
    }


def describe_versions() -> dict[str, str]:
    """Of everything that takes part."""
    versions = {
        "Python": platform.python_version(),
        "C compiler": _first_line([os.environ.get("CC", "cc"), "--version"]),
        "Java": _first_line(["java", "-version"]),
        "RocketMQ": "5.3.3 and 5.5.0",
        "rocketmq-rust": RUST_VERSION,
        "rustc": _first_line(["rustc", "--version"]),
    }
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def need_extensions() -> None:
    """Leave with a sentence unless the compiled hot path is there."""
    command = [sys.executable, "-m", "namesrv", "--version"]
    environment = {**os.environ, "NAMESRV_REQUIRE_EXTENSIONS": "1"}
    environment.pop("NAMESRV_NO_EXTENSIONS", None)
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [""]
        sys.exit(
            "bench: the compiled hot path is not there, and without it there is"
            f" nothing to measure: build it with `make test` ({lines[-1]})"
        )


def _changed_files() -> int:
    """How many files differ from the commit; -1 when git cannot tell."""
    command = ["git", "-C", str(CHECKOUT), "status", "--porcelain", "namesrv"]
    done = subprocess.run(command, capture_output=True, text=True)
    return -1 if done.returncode else len(done.stdout.splitlines())


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError:
        return "not there"
    return "not known" if done.returncode else done.stdout.splitlines()[0]


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_kib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            return int(line.split()[1])
    return 0
