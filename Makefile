# Two commands for everyone: `make quickstart` and `make test`. Both make .venv by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help quickstart test test-long venv lint clean

help:            ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile

quickstart: $(VENV)/.runtime   ## segment with released weights (IMAGES=FOLDER: yours too), then train on the sample
	$(BIN)/python -m scripts.quickstart $(if $(IMAGES),--images "$(IMAGES)")

test: lint       ## linters, type checks and tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4

test-long: $(VENV)/.test       ## the tests that take long
	$(BIN)/python -m pytest -m long

venv: $(VENV)/.test            ## make .venv with everything, tests included

lint: $(VENV)/.test            ## linters and type checks alone
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

clean:           ## remove .venv and caches; runs/ and mlruns.db stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build *.egg-info
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
