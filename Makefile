# `make run` and `make test` need nothing before them but a Python >= 3.11.
# Written for GNU make 3.81, the one that macOS brings.

VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard namesrv/_fast/*.p[yx][xd])
CYTHON_SOURCES := $(wildcard namesrv/_fast/*.p[yx][xd])
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: run test test-quick test-full pure-test interop lint format coverage options clean help
.PHONY: chaos sanitize debug-test coverage-fast hot-loop wheels wheel-test

run: $(VENV)/.run-stamp ## start a NameServer; make run ARGS="--port 0"
	@exec $(BIN)/namesrv $(ARGS)

# Two processes test at a time, as many as a machine has cores; ARGS="-n0" is one.
SPREAD := -n auto --dist worksteal
NOTE = @echo 'about $(1) on 2 quiet cores; more beside other work'

test-quick: $(VENV)/.dev-stamp ## run the tests that take no time
	$(call NOTE,a minute)
	$(demand_built) $(BIN)/python -m pytest -q $$impl $(SPREAD) --hypothesis-profile=quick \
	  -m 'not slow and not full' $(QUICK_TESTS) $(ARGS)

test: $(VENV)/.dev-stamp ## run the tests over both twins; ARGS="-k frame" narrows
	$(call NOTE,six minutes)
	@status=0; \
	($(demand_built) $(BIN)/python -m pytest -q $$impl $(SPREAD) $(ARGS)) || status=1; \
	$(if $(ARGS),,($(pure) -m pytest -q $(SPREAD) $(PURE_PART)) || status=1;) \
	exit $$status

test-full: $(VENV)/.dev-stamp ## run all of them, with more examples, and report coverage
	$(call NOTE,fifteen minutes)
	@rm -f .coverage .coverage.*
	@status=0; \
	($(demand_built) $(BIN)/python -m coverage run -m pytest -q $$impl $(SPREAD) $(FULL) $(ARGS)) || status=1; \
	$(if $(ARGS),,($(pure) -m coverage run -m pytest -q $(SPREAD) -m '' $(SERVER_TESTS)) || status=1;) \
	$(BIN)/python -m coverage combine --quiet; \
	$(BIN)/python -m coverage report $(LIMIT) || status=1; \
	exit $$status

FULL := --hypothesis-profile=full -m ''
# What parity does not prove already; test-full runs all of the server's tests on pure.
PURE_PART := --hypothesis-profile=quick -m 'not slow and not full' \
  tests/routing tests/server tests/simulation
# A narrowed run cannot reach the limit, so it is not held to it.
LIMIT = $(if $(ARGS),--fail-under=0)

pure-test: $(VENV)/.dev-stamp ## run the tests of the server over the pure twin; `make test` does, too
	$(pure) -m pytest $(or $(ARGS),$(SERVER_TESTS))

# Above `_impl` a test sees one twin, the one that was chosen; below, it names both.
SERVER_TESTS := tests/routing tests/server tests/golden tests/hostile tests/simulation tests/cli
QUICK_TESTS := tests/wire tests/hot_path tests/parity tests/routing tests/server tests/golden tests/peer tests/cli $(wildcard tests/test_*.py)
pure = NAMESRV_NO_EXTENSIONS=1 $(BIN)/python

# Where the extension was built, its absence is a failure.
demand_built = impl=; if [ -f $(VENV)/.fast ]; then export NAMESRV_REQUIRE_EXTENSIONS=1; \
  else impl=--impl=pure; fi;

coverage: $(VENV)/.dev-stamp ## the lines that the last `make test-full` ran and missed, in htmlcov/
	$(BIN)/python -m coverage html --fail-under=0

chaos: $(VENV)/.dev-stamp ## kill, stop, starve and flood real servers, print what became of it (Linux)
	$(BIN)/python -m tests.chaos $(ARGS)

interop: $(VENV)/.dev-stamp ## run against real brokers and clients (Java, Maven)
	$(BIN)/python tests/interop/fetch.py
	$(BIN)/python -m pytest tests/interop $(ARGS)

.PHONY: simulate
simulate: $(VENV)/.run-stamp ## play seeded histories against an oracle; ARGS="--histories 5000 --seed 7 --seconds 60"
	@$(BIN)/python -m namesrv.testing.simulator $(ARGS)

# cython-lint looks for pycodestyle on the path.
lint: $(VENV)/.dev-stamp ## every static check; .pre-commit-config.yaml runs the same
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(if $(CYTHON_SOURCES),PATH="$(HERE):$$PATH" cython-lint $(CYTHON_SOURCES))

format: $(VENV)/.dev-stamp ## sort imports and format
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

options: $(VENV)/.run-stamp ## print the README's option table from namesrv/options.py
	@$(BIN)/python docs/option_table.py

# Special builds of the compiled twin get a copy of the sources, never the checkout:
# Cython would take their C for the next plain build. They run all that exercises it.
FAST_TESTS := tests/hot_path $(wildcard tests/parity tests/fuzz) $(SERVER_TESTS)
COPIED := CHANGELOG.md LICENSE README.md docs namesrv pyproject.toml setup.py tests
define copy_sources
	rm -rf .cache/$(1)/src
	mkdir -p .cache/$(1)/src
	tar -cf - --exclude='*.c' --exclude='*.so' --exclude=.cache --exclude=__pycache__ \
	  $(COPIED) | tar -xf - -C .cache/$(1)/src
endef
HERE := $(CURDIR)/$(BIN)
inside = cd .cache/$(1)/src && PYTHONPATH="$$PWD" NAMESRV_REQUIRE_EXTENSIONS=1

# Small quarantines, because tests look at memory; one of them at large blocks that the
# allocator of AddressSanitizer keeps. pytest swallows what a dying process says.
REPORT := $(CURDIR)/.cache/sanitize/report
SANITIZERS = PYTHONMALLOC=malloc \
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64:allocator_release_to_os_interval_ms=100:log_path=$(REPORT) \
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$(REPORT) \
  LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so)"

sanitize: $(VENV)/.dev-stamp ## run the tests with AddressSanitizer and UBSan in the compiled twin
	$(call copy_sources,sanitize)
	$(call inside,sanitize) NAMESRV_SANITIZE=1 $(HERE)/python setup.py --quiet build_ext --inplace
	rm -f $(REPORT).*
	$(call inside,sanitize) $(SANITIZERS) $(HERE)/python -m pytest -q $(SPREAD) $(or $(ARGS),$(FAST_TESTS)) \
	  --deselect tests/hostile/test_bodies.py::test_large_frame_leaves_no_room_behind_while_its_sender_waits \
	  || { cat $(REPORT).* 2>/dev/null; exit 1; }

DEBUG_PYTHON ?= python3-dbg
debug-test: ## run the tests on a debug build of CPython (DEBUG_PYTHON=python3-dbg)
	@command -v $(DEBUG_PYTHON) >/dev/null || { \
	  echo 'make debug-test found no $(DEBUG_PYTHON): install a debug build of CPython (apt-get install python3-dbg), or name it with DEBUG_PYTHON=/path/to/python.' >&2; \
	  exit 1; \
	}
	$(call copy_sources,debug)
	$(DEBUG_PYTHON) -m venv --clear .cache/debug/venv
	.cache/debug/venv/bin/python -m pip install --quiet -c wheels/constraints.txt Cython setuptools
	NAMESRV_NO_EXTENSIONS=1 .cache/debug/venv/bin/python -m pip install --quiet '.[test]'
	$(call inside,debug) ../venv/bin/python setup.py --quiet build_ext --inplace
	$(call inside,debug) ../venv/bin/python -m pytest $(or $(ARGS),$(FAST_TESTS))

# Coverage of .pyx counts lines, never branches, and slows them down a lot.
TRACED = $(HERE)/python -m coverage
coverage-fast: $(VENV)/.dev-stamp ## the lines of the compiled twin that its tests run
	$(call copy_sources,traced)
	$(call inside,traced) NAMESRV_CYTHON_TRACING=1 $(HERE)/python setup.py --quiet build_ext --inplace
	$(call inside,traced) $(TRACED) run --rcfile=tests/fast_coverage.ini -m pytest $(or $(ARGS),$(FAST_TESTS))
	$(call inside,traced) $(TRACED) report --rcfile=tests/fast_coverage.ini

hot-loop: $(VENV)/.dev-stamp ## annotated C of the compiled twin, in .cache/hot-loop (docs/hot-loop.md)
	$(call copy_sources,hot-loop)
	cd .cache/hot-loop/src && $(HERE)/cython -3 --annotate-fullc -X annotation_typing=False -X nonecheck=True -X auto_pickle=False namesrv/_fast/*.pyx
	@echo '.cache/hot-loop/src/namesrv/_fast/*.html'

wheels: .cache/wheel-tools/.stamp ## build, check and try sdist and wheels, in wheels/dist; ARGS="python3.12 ..."
	.cache/wheel-tools/bin/python wheels/build.py $(ARGS)

.cache/wheel-tools/.stamp: wheels/requirements.txt | $(BIN)/pip
	rm -rf .cache/wheel-tools
	$(BIN)/python -m venv .cache/wheel-tools
	.cache/wheel-tools/bin/python -m pip install --quiet --disable-pip-version-check -r wheels/requirements.txt
	@touch $@

# Safe paths keep the checkout's namesrv/ out of every process; tests/ is linked in.
INSTALLED := $(CURDIR)/.cache/wheel-test
wheel-test: ## run the tests from the wheel that `make wheels` made, in an empty environment
	rm -rf $(INSTALLED)
	$(BIN)/python -m venv $(INSTALLED)/venv
	mkdir $(INSTALLED)/path && ln -s $(CURDIR)/tests $(INSTALLED)/path/tests
	$(INSTALLED)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
	  "$$(ls $(CURDIR)/wheels/dist/*-abi3-*.whl)[test]"
	PYTHONSAFEPATH=1 PYTHONPATH=$(INSTALLED)/path NAMESRV_REQUIRE_EXTENSIONS=1 \
	  $(INSTALLED)/venv/bin/python -P -m pytest -q $(SPREAD) --import-mode=importlib $(ARGS)

# Coverage-guided, a minute for each target: tests/fuzz/README.md. It takes both twins.
.PHONY: fuzz
fuzz: $(VENV)/.fuzz-stamp ## fuzz what reads bytes of others; ARGS="TARGET --seconds N"
	@$(BIN)/python -m tests.fuzz $(ARGS)

# Benchmarks: bench/README.md. ARGS=--quick tries the long ones, for no figures;
# SAVE=1 writes the results to bench/results, which git tracks.
SAVED = $(if $(SAVE),--save)
.PHONY: bench bench-server bench-peers bench-restart stalls
BENCHMARKED := .cache/bench/micro.json

bench: $(VENV)/.dev-stamp ## time both twins in memory: pure, fast, ratio
	@mkdir -p $(dir $(BENCHMARKED))
	$(BIN)/python -m pytest bench/tests bench/micro -q --benchmark-quiet \
	  --benchmark-disable-gc --benchmark-warmup=on --benchmark-max-time=0.5 \
	  --benchmark-json=$(BENCHMARKED) $(ARGS)
	@$(BIN)/python -m bench.report.micro $(BENCHMARKED) $(SAVED)

bench-server: $(VENV)/.dev-stamp ## measure the server beside echoes of the same bytes
	$(BIN)/python -m bench.server $(SAVED) $(ARGS)

bench-peers: $(VENV)/.dev-stamp ## measure it beside Java's and Rust's (JDK, Maven, cargo)
	$(BIN)/python -m bench.peers $(SAVED) $(ARGS)

bench-restart: $(VENV)/.dev-stamp ## measure what keeping 3,000,000 routes across a restart costs
	$(BIN)/python -m bench.restart $(SAVED) $(ARGS)

stalls: $(VENV)/.dev-stamp ## measure the longest waits that a peer can cause
	$(BIN)/python -m bench.stalls $(SAVED) $(ARGS)

clean: ## remove everything that make, tests and tools made
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf .cache/fuzz .cache/sanitize .cache/debug .cache/traced .cache/hot-loop .cache/wheel-tools .cache/wheel-test
	rm -rf wheels/dist
	rm -f namesrv/_fast/*.c namesrv/_fast/*.html namesrv/_fast/*.so
	find namesrv tests docs wheels -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@echo 'make run and make test set up everything they need in $(VENV).'
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r target text; \
	  do printf '  make %-15s%s\n' "$$target" "$$text"; done

# The first that is new enough is taken; PYTHON=... chooses another.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
$(BIN)/pip:
	@found=; for python in $(or $(PYTHON),$(PYTHONS)); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found=$$python; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'namesrv needs Python 3.11 or newer and none was found: install one, or name it with make PYTHON=/path/to/python3.' >&2; \
	  exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments: install the package python3-venv (apt-get install python3-venv), then run make again." >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)

# Compiling needs a C compiler and Python.h; a build without them is pure Python, and
# says so.
define install
	@case "$$NAMESRV_NO_EXTENSIONS" in 0|[Ff]alse|FALSE|[Nn]o|NO|[Oo]ff|OFF) unset NAMESRV_NO_EXTENSIONS;; esac; \
	if [ -n "$(CYTHON_SOURCES)" ] && [ -z "$$NAMESRV_NO_EXTENSIONS" ]; then \
	  header=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h; \
	  if ! command -v $${CC:-cc} >/dev/null 2>&1 || [ ! -f "$$header" ]; then \
	    echo '*** No C compiler or no Python.h (packages gcc and python3-dev): this is a PURE PYTHON build, slower and otherwise the same. Install them and run make clean for the compiled one. ***'; \
	    NAMESRV_NO_EXTENSIONS=1; export NAMESRV_NO_EXTENSIONS; \
	  fi; \
	fi; \
	echo 'installing namesrv into $(VENV)'; \
	rm -f $(VENV)/.fast; \
	$(PIP) install --editable '$(1)' || exit; \
	[ -n "$$NAMESRV_NO_EXTENSIONS" ] || touch $(VENV)/.fast
endef

$(VENV)/.run-stamp: $(SOURCES) | $(BIN)/pip
	$(call install,.)
	@touch $@

$(VENV)/.dev-stamp: $(SOURCES) | $(BIN)/pip
	$(call install,.[dev])
	@touch $(VENV)/.run-stamp $@

$(VENV)/.fuzz-stamp: tests/fuzz/requirements.txt $(VENV)/.dev-stamp
	$(PIP) install -r $<
	@touch $@
