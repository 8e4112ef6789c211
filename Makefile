# Two commands do everything: `make demo` and `make test`. Nothing needs to be installed but Python 3.11 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: setup demo test chaos soak browser lint clean

setup: $(VENV)/.installed           ## the command, at .venv/bin/rushes

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rushes needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup                         ## render manifests/demo.yaml against the sandbox
	$(BIN)/rushes run --sandbox manifests/demo.yaml

test: $(VENV)/.installed-dev lint   ## the whole suite
	$(BIN)/python -m pytest -n 4 --dist worksteal

# Another seed each time; give one to see it again: make chaos RUSHES_CHAOS_SEED=...
RUSHES_CHAOS_SEED ?= $(shell date +%s)

chaos: $(VENV)/.installed-dev       ## the whole crash matrix; after 25 minutes it is given up
	RUSHES_CHAOS=whole RUSHES_CHAOS_SEED=$(RUSHES_CHAOS_SEED) $(BIN)/python -m pytest tests/chaos -n 3 --dist worksteal --session-timeout 1500

soak: $(VENV)/.installed-dev        ## thousands of takes, faults and killed workers; after 25 minutes it is given up
	$(BIN)/python bench/soak.py

browser: $(VENV)/.installed-dev     ## the gallery in a real Chromium, which has to be installed
	$(BIN)/python -m pytest browser

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:                              ## the environment; never what was rendered
	rm -rf $(VENV) build dist *.egg-info
