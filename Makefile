# certreg: everything a fresh machine needs is Python 3.11 or later and make.
#
# The environment (.venv) is made when it is missing and renewed when a list it was made from has
# changed. Packages come from the two hashed lists alone: nothing is resolved, all is verified.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev

# Two processes run the tests; who is done first takes over from the other.
TWO := -n 2 --dist worksteal

# An environment that was moved or copied would run another checkout's code, one whose Python is
# gone runs nothing: neither counts as installed.
SOUND := $(shell grep -qsF '$(CURDIR)/$(VENV)/' $(BIN)/pip && $(BIN)/python -c '' 2>/dev/null && echo yes)
ifneq ($(SOUND),yes)
$(shell rm -f $(RUN) $(DEV))
endif

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench soak clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(RUN) ## make a demonstration registry in CERTREG_HOME (default var/demo) and serve it; ARGS=--no-serve
	CERTREG_HOME="$${CERTREG_HOME:-var/demo}" $(BIN)/certreg demo $(ARGS)

test: $(DEV) ## run the tests, two at a time; ARGS go to pytest (-n 0: one at a time)
	$(BIN)/pytest -rs $(TWO) $(ARGS)

lint: $(DEV) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(DEV) ## measure the goals of speed, as ratios
	$(BIN)/python bench/run.py $(ARGS)

soak: $(DEV) ## run the long tests, and every property test on many more examples
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -rs $(TWO) -m "soak or not soak" $(ARGS)

clean: ## remove the environment and all caches; a registry in var/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without --no-deps pip would add what the lists leave out on purpose. The project comes last, so
# that its commands are there only when everything under them is.
$(RUN): requirements.txt pyproject.toml
	$(call environment)
	$(PIP) install --no-deps --require-hashes -r requirements.txt
	$(PIP) install --no-deps -e .
	@touch $@

# The development list holds the run-time list, so it satisfies both.
$(DEV): requirements-dev.txt requirements.txt pyproject.toml
	$(call environment)
	$(PIP) install --no-deps --require-hashes -r requirements-dev.txt
	$(PIP) install --no-deps -e .
	@touch $(RUN) $@

define environment
	@test "$(SOUND)" = yes || test -n "$(PYTHON)" || { \
		echo "Python 3.11 or later with its venv module is needed (Debian: python3-venv)." >&2; exit 1; }
	@test "$(SOUND)" = yes || { echo "making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); }
endef
