# demo: set everything up and run the main job · test: set everything up and pass the tests
# frameworks: install what the hooks are tested with, so that `test` tests them, too
# lint, docs, bench: see CONTRIBUTING.md
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= auto

.PHONY: demo test frameworks lint docs bench clean

$(VENV)/demo-ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[demo]'
	touch $@

$(VENV)/dev-ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/frameworks-ready: $(VENV)/dev-ready
	$(PIP) install --constraint constraints.txt --editable '.[dev,frameworks]'
	touch $@

demo: $(VENV)/demo-ready
	rm -rf demo
	$(BIN)/omprov demo demo

test: $(VENV)/dev-ready
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

frameworks: $(VENV)/frameworks-ready

lint: $(VENV)/dev-ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

docs: $(VENV)/dev-ready
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/dev-ready
	$(PIP) install --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) demo docs/_build build dist
