# `make demo` and `make test` each set everything up by themselves; only Python >= 3.11, make and a package index are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv must trust the machine's certificates under `env -i`; compiled bytecode keeps `fiducial --version` fast.
export UV_SYSTEM_CERTS = 1
export UV_COMPILE_BYTECODE = 1
# Small factorisations get several times slower when BLAS threads wait for each other on two busy cores.
export OPENBLAS_NUM_THREADS ?= 1
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: demo test lint bench docs lock clean

demo: $(VENV)/.base-stamp
	$(BIN)/fiducial demo --out demo-output

test: $(VENV)/.test-stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.test-stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.test-stamp
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.test-stamp
	$(BIN)/mkdocs build --quiet --strict --site-dir site

$(VENV)/.uv-stamp: requirements/bootstrap.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fiducial needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	touch $@

$(VENV)/.base-stamp: $(VENV)/.uv-stamp requirements/base.lock pyproject.toml
	$(UV) --require-hashes -r requirements/base.lock
	$(UV) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.test-stamp: $(VENV)/.base-stamp requirements/test.lock
	$(UV) --require-hashes -r requirements/test.lock
	touch $@

# A lock must hold no address, hence no header and no index; deleting it first resolves everything anew.
LOCK := $(BIN)/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11
lock: $(VENV)/.uv-stamp
	cd requirements && rm -f bootstrap.lock base.lock test.lock && for name in bootstrap base; do ../$(LOCK) $$name.in -o $$name.lock; done && ../$(LOCK) -c base.lock test.in -o test.lock

clean:
	rm -rf $(VENV) site demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
