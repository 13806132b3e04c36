# make demo   watch an ordinary script being diagnosed, probed, repaired and tuned (a minute)
# make test   the tests (under 10 minutes on 2 cores);  make slow  the long ones too
# make torture  kills, damaged files and odd inputs at length (docs/reliability.md)
# make lint   ruff and mypy --strict;  make format  put the code in order
# make mutants  how many small faults the tests notice (an hour)
# make pages  docs/commands, written from the commands themselves
# make bench  the benchmarks: ratios against named peers, printed
# make anchors  published figures, reproduced (hours; taken up again where stopped)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= all,dev
WORKERS ?= 2

.PHONY: demo test slow mutants lint format pages bench anchors clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

demo: $(STAMP)
	$(BIN)/homeostat demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -q

slow: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -q -m 'slow or not slow' --timeout=3600

mutants: $(STAMP)
	$(BIN)/python -m tests.mutation

torture: $(STAMP)
	PYTHONPATH=. $(BIN)/python -m tests.torture

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pages: $(STAMP)
	$(BIN)/python -m homeostat.cli.pages docs/commands

bench: $(STAMP)
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

anchors: $(STAMP)
	@for script in benchmarks/anchors/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
