# Each target sets up what it needs in .venv; stamps make the second time quick.
.DEFAULT_GOAL := help
.NOTPARALLEL:  # one pip at a time

VENV   := .venv
BIN    := $(VENV)/bin
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(USABLE)' 2>/dev/null && echo $$p && break; done)
ARGS   ?=
URL    ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup test demo server test-server attack pydantic-tests bench lint format types docs check clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.test $(VENV)/.dev $(VENV)/.bench  ## Make .venv with all that developing needs

test: $(VENV)/.test  ## Run the tests, side by side, or those of ARGS=tests/unit/query; without a server, its own are skipped
	$(BIN)/python -m pytest $(if $(strip $(ARGS)),$(ARGS),-n auto --dist worksteal)

demo: $(VENV)/.demo  ## Show what it does, on a file, or on URL=solidb://user:password@host:6745/database
	$(BIN)/python -m examples.airports $(if $(URL),--url "$(URL)") $(ARGS)

server:  ## Install the SoliDB server with cargo, if there is none
	tools/install-server.sh

test-server: $(VENV)/.test  ## Run the tests that need a server, and fail if there is none
	SOLIDB_REQUIRE_SERVER=1 $(BIN)/python -m pytest -m server $(ARGS)

attack: $(VENV)/.test  ## Attack the engines with kills, forks, interrupts, damage and odd input
	$(BIN)/python -m tools.attack $(ARGS)

pydantic-tests: $(VENV)/.test  ## Run Pydantic's own tests with documents for models: minutes, and the network; by night
	$(BIN)/python -m tools.pydantic_suite

bench: $(VENV)/.bench  ## Measure, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.dev  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev  ## Mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev $(VENV)/.test  ## Check types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

docs: $(VENV)/.test  ## Run every code block of README.md and docs/
	$(BIN)/python -m pytest tests/project/test_readme.py $(ARGS)

check: lint types test  ## Run all that a change must pass

clean:  ## Remove .venv, caches and what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist demo-out

# pip learnt dependency groups in 25.1.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later (with venv and ensurepip) was found." \
		"Install one, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c '$(USABLE)' || { echo "$(PYTHON) is not a Python 3.11 or later" \
		"with venv and ensurepip." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.test $(VENV)/.dev $(VENV)/.demo $(VENV)/.bench: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable . --group $(patsubst .%,%,$(@F))
	@touch $@
