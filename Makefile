# `make run` and `make test` need nothing before them but a Python >= 3.11.
# Written for GNU make 3.81, the one that macOS brings.

VENV ?= .venv
BIN := $(VENV)/bin
CYTHON_SOURCES := $(wildcard namesrv/_fast/*.p[yx][xd])
SOURCES := pyproject.toml setup.py $(CYTHON_SOURCES)
ENVIRONMENT := @PYTHON='$(PYTHON)' tools/environment.sh $(VENV)

# Each of the workers rewrites the assertions of every test file unless it finds bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: run test-quick test test-rest test-drawn test-full pure-test coverage lint format options help
.PHONY: browser screenshots chaos interop simulate fuzz wheels wheel-test clean

run: $(VENV)/.run-stamp ## start a NameServer; make run ARGS="--port 0"
	@exec $(BIN)/namesrv $(ARGS)

# Tests: three tiers, each with two workers a core; ARGS="-n0" is one. CONTRIBUTING.md.
# With COVERAGE, `make test` is the first half of `make test-full`, which runs nothing
# twice: the second half draws all examples, and runs the pure twin, without tracing.
# Tests wait for a third of their time: for clocks, sockets and other processes.
WORKERS := $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
PYTEST = $(if $(COVERAGE),-m coverage run )-m pytest -q -n $(WORKERS) --dist worksteal
fast = if [ -f $(VENV)/.fast ]; then export NAMESRV_REQUIRE_EXTENSIONS=1; twins=both; \
  else twins=pure; fi; $(BIN)/python $(PYTEST) --impl=$$twins
pure = NAMESRV_NO_EXTENSIONS=1 $(BIN)/python $(PYTEST)
QUICK := --hypothesis-profile=quick
# Parity proves that the twins are alike; on the pure one the rest of the server is run
# against transcripts, histories and the protocol.
PURE_TESTS := tests/golden tests/simulation tests/server/connections
# Files, logs, TLS and the command line never meet a twin.
PURE_REST := tests/routing tests/hostile tests/server/life $(wildcard tests/server/test_*.py)

test-quick: $(VENV)/.dev-stamp ## run the tests that are quick
	@$(fast) $(QUICK) -m 'not slow and not full' $(QUICK_TESTS) $(ARGS)

QUICK_TESTS := $(addprefix tests/,wire hot_path parity routing server golden peer client cli) $(wildcard tests/test_*.py)

test: $(VENV)/.dev-stamp ## run the tests on both twins; ARGS="-k frame" narrows
	$(if $(COVERAGE),@rm -f .coverage .coverage.*)
	@status=0; ($(fast) $(if $(COVERAGE),$(QUICK)) $(ARGS)) || status=1; \
	$(if $(ARGS)$(COVERAGE),,($(pure) $(QUICK) -m 'not slow and not full' $(PURE_TESTS)) || status=1;) \
	$(if $(ARGS),,$(if $(COVERAGE),$(BIN)/python -m coverage combine --quiet && \
	  $(BIN)/python -m coverage report; \
	  $(BIN)/python tools/coverage_gate.py || status=1;)) \
	exit $$status

test-rest: ## draw all examples, and run the pure twin through its tests
	@status=0; $(MAKE) --no-print-directory test-drawn || status=1; \
	$(MAKE) --no-print-directory pure-test ARGS= || status=1; exit $$status

test-drawn: $(VENV)/.dev-stamp ## draw all examples of the tests that draw them
	@$(fast) --hypothesis-profile=full -m 'full or drawn' $(ARGS)

test-full: ## run all tests with all their examples
	@status=0; $(MAKE) --no-print-directory test COVERAGE=1 ARGS= || status=1; \
	$(MAKE) --no-print-directory test-rest COVERAGE= ARGS= || status=1; exit $$status

pure-test: $(VENV)/.dev-stamp ## run tests of the server on the pure twin; ARGS=tests/server
	$(pure) $(or $(ARGS),$(QUICK) $(PURE_TESTS) $(PURE_REST))

coverage: $(VENV)/.dev-stamp ## the lines and branches that `make test COVERAGE=1` missed, in htmlcov/
	$(BIN)/python -m coverage html --fail-under=0

# cython-lint looks for pycodestyle on the path.
lint: $(VENV)/.dev-stamp ## every static check; .pre-commit-config.yaml runs the same
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/codespell
	$(if $(CYTHON_SOURCES),PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint $(CYTHON_SOURCES))

format: $(VENV)/.dev-stamp ## sort imports and format
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

options: $(VENV)/.run-stamp ## print the option tables of the docs from namesrv/options.py
	@$(BIN)/python docs/option_table.py

chaos: $(VENV)/.dev-stamp ## kill, stop, starve and flood real servers, and report (Linux)
	$(BIN)/python -m tests.chaos $(ARGS)

interop: $(VENV)/.dev-stamp ## run against real brokers and clients (Java, Maven)
	$(BIN)/python tests/interop/fetch.py
	$(BIN)/python -m pytest tests/interop $(ARGS)

browser: $(VENV)/.browser-stamp ## test the console in the system's Chromium (npm for axe-core)
	$(BIN)/python -m pytest -q -rP tests/browser $(ARGS)

screenshots: $(VENV)/.browser-stamp ## draw the pictures of docs/console.md again
	$(BIN)/python -m tests.browser.screenshots

simulate: $(VENV)/.run-stamp ## play seeded histories against an oracle; ARGS="--seconds 60"
	@$(BIN)/python -m namesrv.testing.simulator $(ARGS)

fuzz: $(VENV)/.fuzz-stamp ## fuzz all that reads bytes of peers; ARGS="TARGET --seconds N"
	@$(BIN)/python -m tests.fuzz $(ARGS)

wheels: .cache/wheel-tools/.stamp ## build, check and try sdist and wheels, in wheels/dist
	.cache/wheel-tools/bin/python wheels/build.py $(ARGS)

wheel-test: $(BIN)/pip ## run the tests from the wheel that `make wheels` made
	$(BIN)/python wheels/test_installed.py $(ARGS)

# Special builds of the compiled twin (tools/special_build.py).
.PHONY: sanitize sanitize-lanes coverage-fast hot-loop debug-test
sanitize: $(VENV)/.dev-stamp ## run the tests with AddressSanitizer and UBSan
sanitize-lanes: $(VENV)/.dev-stamp ## disturb lookup lanes, with AddressSanitizer and ThreadSanitizer
coverage-fast: $(VENV)/.dev-stamp ## the lines of the compiled twin that its tests run
hot-loop: $(VENV)/.dev-stamp ## annotated C of the compiled twin (docs/hot-loop.md)
sanitize sanitize-lanes coverage-fast hot-loop:
	$(BIN)/python tools/special_build.py $@ $(ARGS)

DEBUG_PYTHON ?= python3-dbg
debug-test: ## run the tests on a debug build of CPython (DEBUG_PYTHON=python3-dbg)
	@command -v $(DEBUG_PYTHON) >/dev/null || { \
	  echo 'make debug-test found no $(DEBUG_PYTHON): install a debug build of CPython (apt-get install python3-dbg), or name it with DEBUG_PYTHON=/path/to/python.' >&2; exit 1; }
	$(DEBUG_PYTHON) tools/special_build.py $@ $(ARGS)

BENCHMARKS := bench bench-server bench-peers bench-restart bench-heartbeats bench-lanes stalls
.PHONY: $(BENCHMARKS)
$(BENCHMARKS): $(VENV)/.dev-stamp
	@$(MAKE) --no-print-directory -f bench/Makefile $@ BIN=$(BIN)

clean: ## remove everything that make, tests and tools made
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov wheels/dist
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf $(addprefix .cache/,fuzz sanitize lanes-address lanes-thread faults-plain faults-thread debug traced hot-loop wheel-tools wheel-test)
	rm -f namesrv/_fast/*.c namesrv/_fast/*.html namesrv/_fast/*.so
	find namesrv tests docs tools wheels -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@echo 'make run and make test set up everything they need in $(VENV).'
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile bench/Makefile | \
	  while IFS='|' read -r target text; do printf '  make %-15s%s\n' "$$target" "$$text"; done

$(BIN)/pip:
	$(ENVIRONMENT)

$(VENV)/.run-stamp: $(SOURCES)
	$(ENVIRONMENT) .
	@touch $@

$(VENV)/.dev-stamp: $(SOURCES)
	$(ENVIRONMENT) '.[dev]'
	@touch $(VENV)/.run-stamp $@

$(VENV)/.browser-stamp: tests/browser/requirements.txt $(VENV)/.dev-stamp
	$(BIN)/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

$(VENV)/.fuzz-stamp: tests/fuzz/requirements.txt $(VENV)/.dev-stamp
	$(BIN)/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

.cache/wheel-tools/.stamp: wheels/requirements.txt | $(BIN)/pip
	rm -rf .cache/wheel-tools
	$(BIN)/python -m venv .cache/wheel-tools
	.cache/wheel-tools/bin/python -m pip install --quiet --disable-pip-version-check -r wheels/requirements.txt
	@touch $@
