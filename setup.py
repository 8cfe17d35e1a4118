"""What pyproject.toml cannot say: which extension modules to compile.

There are none yet. When the compiled twins of `namesrv/_pure` exist, this list names
them, and NAMESRV_NO_EXTENSIONS=1 asks for a build without a compiler.
"""

import os

from setuptools import Extension, setup

NO_EXTENSIONS = bool(os.environ.get("NAMESRV_NO_EXTENSIONS"))

EXTENSIONS: list[Extension] = []

setup(ext_modules=[] if NO_EXTENSIONS else EXTENSIONS)
