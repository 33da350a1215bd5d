# Two commands for everyone: `make quickstart` and `make test`. Both make .venv by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

LABEL  := .venv-label

.PHONY: help quickstart label test test-long test-label venv lint clean

help:            ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile

quickstart: $(VENV)/.runtime   ## segment with released weights (IMAGES=FOLDER: yours too), then train on the sample
	$(BIN)/python -m scripts.quickstart $(if $(IMAGES),--images "$(IMAGES)")

label: $(LABEL)/.runtime        ## serve bundles to MONAI Label's clients (STUDIES=FOLDER: your images)
	$(LABEL)/bin/python -m scripts.serve $(if $(STUDIES),--studies "$(STUDIES)") $(if $(BUNDLES),--bundles "$(BUNDLES)")

test: lint       ## linters, type checks and tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test-long: $(VENV)/.test       ## the tests that take long
	$(BIN)/python -m pytest -m long

test-label: $(LABEL)/.test     ## the tests of the MONAI Label server, in its environment
	$(LABEL)/bin/python -m pytest tests/label_server -o addopts="--import-mode=importlib --strict-markers -m 'not long'"

venv: $(VENV)/.test            ## make .venv with everything, tests included

lint: $(VENV)/.test            ## linters and type checks alone
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

clean:           ## remove .venv and caches; runs/ and mlruns.db stay
	rm -rf $(VENV) $(LABEL) .pytest_cache .ruff_cache .mypy_cache build *.egg-info
	find bundles common scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files: pip runs again only when a requirements file has changed.
$(VENV)/.runtime: requirements.txt
	$(PYTHON) -c "import sys; sys.exit('python 3.10 or newer is needed: make PYTHON=python3.11 ...' if sys.version_info < (3, 10) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt requirements-test.txt requirements-export.txt requirements-sam.txt requirements-peers.txt
	$(PYTHON) -c "import sys; sys.exit('python 3.10 or newer is needed: make PYTHON=python3.11 ...' if sys.version_info < (3, 10) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt -r requirements-test.txt -r requirements-export.txt -r requirements-sam.txt
	$(BIN)/python -m pip install --no-deps -r requirements-peers.txt
	touch $(VENV)/.runtime $@

$(LABEL)/.runtime: requirements.txt requirements-label.txt
	$(PYTHON) -m venv $(LABEL)
	$(LABEL)/bin/python -m pip install -r requirements.txt -r requirements-label.txt
	touch $@

# Beside a wheel of torch for CPUs alone torchvision cannot register its operators, which nothing here needs.
$(LABEL)/.test: $(LABEL)/.runtime requirements-sam.txt
	$(LABEL)/bin/python -m pip install pytest beartype -r requirements-sam.txt
	$(LABEL)/bin/python -c "import torchvision" 2>/dev/null \
		|| find $(LABEL) -path '*/torchvision/_meta_registrations.py' -exec truncate -s 0 {} +
	touch $@
