# Everything a fresh machine needs is Python 3.11 or later and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-cluster lint fresh bench bench-cluster docs sidecar clean

demo: $(STAMP)  ## compile the examples into a scratch folder and show what came out
	$(BIN)/python .ci/demo.py

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest

test-cluster: $(STAMP)  ## let a real API server, scheduler, Flux and Argo's engine judge the output; needs Go
	PYTHONPATH=. $(BIN)/python -m tests.cluster.build
	PYTHONPATH=. $(BIN)/python -m tests.cluster.halves

lint: $(STAMP)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

fresh: $(STAMP)  ## fail when generated/ or the generated docs do not match their sources
	$(BIN)/edgewright compile specs/helmet-detection --check
	$(BIN)/edgewright compile specs/thousand-stores --env sample --check
	$(BIN)/python .ci/reference.py --check
	$(BIN)/python .ci/definitions.py --check

bench: $(STAMP)  ## print the ratios of speed and memory
	$(BIN)/python tests/bench/run.py

bench-cluster: $(STAMP)  ## print what fleets of several sizes cost a cluster; needs Go and hours
	$(BIN)/python tests/bench/fleet.py

docs: $(STAMP)  ## write the generated pages of docs/
	$(BIN)/python .ci/reference.py

sidecar: $(STAMP)  ## build the sidecar into dist/: a zipapp and a wheel
	$(BIN)/python .ci/sidecar.py

$(STAMP): .ci/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

clean:
	rm -rf $(VENV) scratch .edgewright
