# The two commands of a newcomer are `make run` and `make test`; everything happens inside .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PINS := --constraint constraints.txt
ARGS ?=
STUDIES ?= experiments/pressure_agreeing.yaml

.PHONY: run test test-slow check organism site constraints clean

run: .venv/installed
	@$(BIN)/ws-dsl run $(STUDIES)

test: .venv/installed-test
	@$(BIN)/python -m pytest $(ARGS)

test-slow: .venv/installed-test
	@$(BIN)/python -m pytest -m slow $(ARGS)

check: .venv/installed-test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/pyright --project pyproject.toml --pythonpath $(BIN)/python
	@$(BIN)/lint-imports --no-logo

# Trains the embedded models anew, in place of the shipped weights.
organism: .venv/installed
	@$(BIN)/python -m ws_dsl.organism.train --family qwen3 --seed 0 --out ws_dsl/organism/weights/qwen3
	@$(BIN)/python -m ws_dsl.organism.train --family llama --seed 1 --out ws_dsl/organism/weights/llama

site: .venv/installed
	@$(BIN)/ws-dsl site build

# Pins the newest releases that pyproject.toml admits; torch stays where it is pinned.
constraints:
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP) install "$$(grep '^torch==' constraints.txt)"
	@$(PIP) install --editable '.[gs,test]'
	@$(PIP) freeze --exclude ws-dsl | sed 's/+[^+]*$$//' > .venv/constraints.txt
	@mv .venv/constraints.txt constraints.txt
	@touch .venv/installed .venv/installed-test

# Results in registry/ and pages in site/ stay.
clean:
	@rm -rf .venv build dist site/_build .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and by its exact version, so that a build for CPU alone is taken wherever pip is told of one.
.venv/installed: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Installing ws-dsl and its pinned dependencies into .venv; the first time takes a few minutes.' >&2
	@$(PIP) install $(PINS) "$$(grep '^torch==' constraints.txt)"
	@$(PIP) install $(PINS) --editable .
	@touch $@

.venv/installed-test: .venv/installed
	@echo 'Installing the tools of the tests into .venv.' >&2
	@$(PIP) install $(PINS) --editable '.[test]'
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ws-dsl needs Python 3.11 or later; name one with `make PYTHON=python3.12 ...`")'
	@$(PYTHON) -m venv .venv
