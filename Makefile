# Two commands to begin with: `make demo` and `make test`. Nothing is installed outside of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WHAT_IS_INSTALLED := pyproject.toml constraints.txt

.PHONY: help demo test soak lint types bench format docs clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo  ## MongoDB, an Intercom simulator and supportd, wired to each other; Ctrl-C stops them
	@$(BIN)/supportd dev

test: lint types  ## everything: lint, types, and every test on a real mongod
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

soak: $(VENV)/.test  ## what takes longer: all faults for ten minutes (SEED=7 repeats one), crashes a hundred times each
	SOAK_SEED=$(SEED) SOAK_SECONDS=$(SECONDS) $(BIN)/pytest -m soak $(WHAT)

lint: $(VENV)/.test  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test  ## mypy, strict
	$(BIN)/mypy

bench: $(VENV)/.bench  ## how fast it is, each figure beside its target and baseline; see benchmarks/README.md
	$(BIN)/python -m benchmarks

format: $(VENV)/.test  ## let ruff put things right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.demo  ## what is said of the settings, made from them
	@$(BIN)/python -m supportd.dev.settings_files

clean:  ## remove what was installed and cached here; var/, the demo's data, stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo installs only what it runs with, a third of the whole. Tests bring the rest, and serve the demo too.
$(VENV)/.demo: $(WHAT_IS_INSTALLED) | $(BIN)/python
	@echo "Installing supportd into $(VENV) (the first time this takes a minute) ..."
	@$(PIP) install -e '.[embedded]' -c constraints.txt
	@touch $@

$(VENV)/.test: $(WHAT_IS_INSTALLED) | $(BIN)/python
	@echo "Installing supportd and its tools into $(VENV) (the first time this takes a minute) ..."
	@$(PIP) install -e '.[embedded,test]' -c constraints.txt
	@touch $(VENV)/.demo $@

$(VENV)/.bench: $(WHAT_IS_INSTALLED) | $(VENV)/.test
	@$(PIP) install -e '.[embedded,test,bench]' -c constraints.txt
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
