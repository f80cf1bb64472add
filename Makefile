# Everything below needs Python 3.11 or later and make; the first target to run makes .venv and installs the project into it.
#   PYTHON=python3.12   the interpreter for .venv        DJANGO=6.0   the Django series in it
#   ARGS="-k drain"     passed on by test and bench      DEMO_SECONDS=30   ends the demo by itself
#   ADDRESS=8001        where run listens

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed$(DJANGO)
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types docs bench run worker clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

install: $(STAMP) ## make .venv and install the project with everything for developing it

$(STAMP): setup.cfg pyproject.toml
	@python=$$(for each in $(or $(PYTHON),python3.12 python3.11 python3.13 python3); do \
	    "$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; \
	done); \
	if [ ! -x $(PY) ]; then \
	    [ -n "$$python" ] || { echo "No Python 3.11 or later with venv found: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV); \
	fi
	@echo "Installing the project into $(VENV) (once; a minute or two)"
	@$(PY) -m pip install -qq --root-user-action ignore -e '.[dev]' $(if $(DJANGO),'Django==$(DJANGO).*')
	@rm -f $(VENV)/.installed* && touch $(VENV)/.installed $@

demo: $(STAMP) ## a small shop with monitoring on and traffic running; prints where to look
	@$(PY) manage.py demo

test: $(STAMP) ## the test suite (ARGS="-k drain")
	@$(PY) -m pytest $(ARGS)

lint: $(STAMP) ## ruff, mypy, import layers, missing migrations
	@$(PY) -m ruff check -q .
	@$(PY) -m ruff format -q --check . || { echo "Not formatted: run $(VENV)/bin/ruff format" >&2; exit 1; }
	@said=$$($(VENV)/bin/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }
	@$(PY) manage.py makemigrations --settings=tests.settings --check --dry-run artisan_monitoring
	@$(PY) -m mypy

types: $(STAMP) ## mypy --strict on the package
	@$(PY) -m mypy

docs: $(STAMP) ## the documentation, into docs/_build/html; a warning is an error
	@$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(STAMP) ## what monitoring costs a request, a call, a flush, a drain
	@$(PY) -m benchmarks $(ARGS)

run: $(STAMP) ## the shop on Django's development server, without the demo's traffic
	@$(PY) manage.py prepare
	@DEBUG=$${DEBUG-1} $(PY) manage.py runserver $(ADDRESS)

worker: $(STAMP) ## the shop's Celery worker, with beat (needs REDIS_URL)
	@[ -n "$$REDIS_URL" ] || { echo "Set REDIS_URL first: Celery needs a broker. Without one the site does the periodic work itself." >&2; exit 1; }
	@$(VENV)/bin/celery -A testproject worker --beat --loglevel INFO

clean: ## remove what the targets made, except .venv
	@rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis docs/_build *.egg-info
	@find artisan_monitoring testproject tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
