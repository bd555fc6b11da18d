# Every target is at most two lines; what needs more is a script. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo run test check lint types contracts bench format lock
BIN := .venv/bin
DEV := ./bootstrap.sh requirements-dev.txt
DATABASE := sqlite
RUN.sqlite := pytest
RUN.postgres := tests.on_postgres
RUN = $(or $(RUN.$(DATABASE)),$(error DATABASE is sqlite or postgres))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the whole product on this machine with a lab of simulated tenants; Ctrl-C stops it
	@./bootstrap.sh requirements.txt
	@exec $(BIN)/python manage.py demo

run: ## the demo without its lab, for real tenants
	@./bootstrap.sh requirements.txt
	@exec $(BIN)/python manage.py run

test: ## all tests; installs what they need. DATABASE=postgres: those of the database, on PostgreSQL
	@$(DEV) && VENV=.venv-vantage ./bootstrap.sh requirements-vantage.txt && tests/browser/install.sh && .ci/install-system
	@$(BIN)/python -m $(RUN) -n 4 --dist loadscope --no-loadscope-reorder $(ARGS)

check: lint types contracts ## linters, types and layers

lint:
	@$(DEV)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types:
	@$(DEV)
	@$(BIN)/mypy

contracts:
	@$(DEV)
	@$(BIN)/lint-imports

bench: ## what probes and pages cost here
	@$(DEV)
	@for bench in bench/*.py; do $(BIN)/python $$bench || exit 1; done

format: ## put every file in order
	@$(DEV)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: ## pin requirements*.in anew (needs uv)
	@for list in requirements requirements-vantage requirements-dev; do uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $$list.in -o $$list.txt || exit 1; done
