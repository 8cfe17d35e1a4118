# `make run` and `make test` need nothing before them but a Python >= 3.11.
# Written for GNU make 3.81, the one that macOS brings.

VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard namesrv/_fast/*.p[yx][xd])
CYTHON_SOURCES := $(wildcard namesrv/_fast/*.p[yx][xd])
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: run test interop lint format coverage options clean help

run: $(VENV)/.run-stamp ## start a NameServer; make run ARGS="--port 0"
	@exec $(BIN)/namesrv $(ARGS)

test: $(VENV)/.dev-stamp ## run the tests and report line coverage; ARGS="-k frame" narrows
	@rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report $(LIMIT)

# A narrowed run cannot reach the limit, so it is not held to it.
test: LIMIT = $(if $(ARGS),--fail-under=0)

coverage: $(VENV)/.dev-stamp ## the lines that the last `make test` ran and missed, in htmlcov/
	$(BIN)/python -m coverage html --fail-under=0

interop: $(VENV)/.dev-stamp ## run against real brokers and clients (Java, Maven)
	$(BIN)/python -m pytest tests/interop $(ARGS)

lint: $(VENV)/.dev-stamp ## every static check; .pre-commit-config.yaml runs the same
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(if $(CYTHON_SOURCES),$(BIN)/cython-lint $(CYTHON_SOURCES))

format: $(VENV)/.dev-stamp ## sort imports and format
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

options: $(VENV)/.run-stamp ## print the README's option table from namesrv/options.py
	@$(BIN)/python docs/option_table.py

clean: ## remove everything that make, tests and tools made
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f namesrv/_fast/*.c namesrv/_fast/*.html namesrv/_fast/*.so
	find namesrv tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@echo 'make run and make test set up everything they need in $(VENV).'
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r target text; \
	  do printf '  make %-10s%s\n' "$$target" "$$text"; done

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
	@if [ -n "$(CYTHON_SOURCES)" ] && [ -z "$$NAMESRV_NO_EXTENSIONS" ]; then \
	  header=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h; \
	  if ! command -v $${CC:-cc} >/dev/null 2>&1 || [ ! -f "$$header" ]; then \
	    echo '*** No C compiler or no Python.h (packages gcc and python3-dev): this is a PURE PYTHON build, slower and otherwise the same. ***'; \
	    NAMESRV_NO_EXTENSIONS=1; export NAMESRV_NO_EXTENSIONS; \
	  fi; \
	fi; \
	echo 'installing namesrv into $(VENV)'; \
	$(PIP) install --editable '$(1)'
endef

$(VENV)/.run-stamp: $(SOURCES) | $(BIN)/pip
	$(call install,.)
	@touch $@

$(VENV)/.dev-stamp: $(SOURCES) | $(BIN)/pip
	$(call install,.[dev])
	@touch $(VENV)/.run-stamp $@
