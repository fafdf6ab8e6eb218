# Two commands do all: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
PY := .venv/bin/python
export DBT_PROFILES_DIR ?= $(CURDIR)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Nothing reports home (tests/python/test_no_telemetry.py shows it).
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export RUNTIME__DLTHUB_TELEMETRY := false

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/.installed ## Make .venv and install exactly what requirements.lock pins.

.venv/.installed: requirements.lock requirements-bootstrap.lock
	@$(PYTHON) tools/setup_venv.py

.PHONY: deps
deps: setup ## Install the dbt packages: from the hub, a git mirror or offline_packages, and say which.
	@$(PY) -m tools.deps

.PHONY: land
land: setup ## Land the sources; without SAP settings of your own, from the sandbox company (SAP_DATA=dir: from an extract).
	@$(PY) -m tools.run land

.PHONY: build
build: deps ## Run dbt build (seeds, snapshots, models, tests) on what has landed (SELECT="a b": only these, as dbt selects).
	@$(PY) -m tools.run build $(if $(SELECT),--select $(SELECT))

.PHONY: run
run: deps ## Land, build, write the docs and print a summary: the whole job.
	@$(PY) -m tools.run all

.PHONY: capacity
capacity: deps ## Plan against actual headcount in reports/capacity_plan.xlsx, from your workbooks (PLAN=book.xlsx: from that one).
	@$(PY) -m tools.capacity $(if $(PLAN),--plan "$(PLAN)")

.PHONY: investors
investors: setup ## The quarter's figures for investors as CSV, XLSX and PDF in reports/investors/: QUARTER=2026-Q3.
	@$(PY) -m tools.investor_report --quarter "$(QUARTER)"

.PHONY: alerts
alerts: setup ## Tell who has to know what broke or recovered, as land, build and run do; docs/alerts.md lists the channels.
	@$(PY) -m tools.alerts

.PHONY: quality
quality: setup ## Write Elementary's report (where it can), the quality page and the Prometheus file to reports/quality/.
	@$(PY) -m tools.quality

.PHONY: remedies
remedies: setup ## Say which declared remedies fit what is wrong now, and try them with APPLY=1 (docs/remedies.md).
	@$(PY) -m tools.remedies $(if $(APPLY),--apply)

.PHONY: metrics
metrics: deps ## Validate the metrics against the warehouse and compute every investor figure twice (docs/metrics.md).
	@$(PY) -m tools.metrics check

.PHONY: docs
docs: deps ## Write the catalogue to target/catalogue/: datasets, search, glossary, column lineage, dbt docs (docs/catalogue.md).
	@$(PY) -m tools.run docs

.PHONY: report
report: setup ## Print the summary of the last run again; with WEEK=2026-W40, the client report of HSBC (BANK=code: another's).
	@$(if $(WEEK),$(PY) -m tools.partner_bank_report --week "$(WEEK)" $(if $(BANK),--bank "$(BANK)"),$(PY) -m tools.run summary)

.PHONY: purge
purge: deps ## Print what the retention policies say is due; with CONFIRM=yes, delete it (AS_OF=day, DATASET=name: only that).
	@$(PY) -m tools.purge $(if $(filter yes,$(CONFIRM)),--confirm) $(if $(AS_OF),--as-of "$(AS_OF)") $(if $(DATASET),--dataset "$(DATASET)")

.PHONY: erase
erase: deps ## Print where CLIENT=id or EMPLOYEE=id stands; with CONFIRM=yes, erase it everywhere and write a certificate.
	@$(PY) -m tools.erase $(if $(CLIENT),client "$(CLIENT)",employee "$(EMPLOYEE)") $(if $(filter yes,$(CONFIRM)),--confirm)

.PHONY: retention
retention: deps ## Count what the retention policies say is due, overdue and due within 90 days, and print it; deletes nothing.
	@$(PY) -m tools.retention due

.PHONY: anonymity
anonymity: deps ## Report k-anonymity of the datasets in seeds/retention/quasi_identifiers.csv.
	@$(PY) -m tools.retention anonymity

.PHONY: lint
lint: deps ## Check SQL, Python, YAML, generated files and the project's own conventions (CHANGED=1 or FILES="a b": only those, in seconds).
	@$(PY) -m tools.lint $(if $(CHANGED),--changed) $(if $(BASE),--base "$(BASE)") $(if $(FILES),--files $(FILES))

.PHONY: audit
audit: deps ## Hold the project to dbt-project-evaluator (needs the dbt hub or DBT_PACKAGES_GIT), with its dated exceptions.
	@$(PY) -m tools.audit

.PHONY: contracts
contracts: setup ## Write what is generated from contracts/, check them, and tell what broke since the last release.
	@$(PY) -m tools.contracts $(CONTRACTS_ARGS)

.PHONY: products
products: deps ## Compare the marts' contracts with main's (BASE=revision, STATE=dir), fail for what readers were not told, and export them.
	@$(PY) -m tools.data_products $(if $(BASE),--base "$(BASE)") $(if $(STATE),--state "$(STATE)")

.PHONY: impact
impact: deps ## Tell what the working tree changes against main (BASE=revision), down to columns, metrics and dashboards, as Markdown.
	@$(PY) -m tools.impact $(if $(BASE),--base "$(BASE)") $(if $(OUT),--out "$(OUT)")

.PHONY: openlineage
openlineage: setup ## Write the last build as OpenLineage events to target/openlineage.jsonl; nothing is sent (OUT=file).
	@$(PY) -m tools.openlineage $(if $(OUT),--out "$(OUT)")

.PHONY: publish
publish: setup ## Copy the marts to where BI clients read them while builds run (WITH_PERSONAL=1: all columns; WHOLE=1: all, to develop on).
	@$(PY) -m tools.publish $(if $(WITH_PERSONAL),--with-personal) $(if $(WHOLE),--whole)

.PHONY: shell
shell: setup ## Ask the warehouse in SQL, in no build's way (SQL="...": that and end; PUBLISHED=1, FILE=f: a copy; WRITE=1).
	@$(PY) -m tools.shell $(if $(SQL),--sql "$(SQL)") $(if $(FILE),--file "$(FILE)") $(if $(PUBLISHED),--published) $(if $(WRITE),--write)

.PHONY: dashboards
dashboards: setup ## Check the boards of reports/boards against the marts and draw them in reports/dashboards/ (PUBLISHED=1: from the copy).
	@$(PY) -m tools.dashboards $(if $(PUBLISHED),--published)

.PHONY: runbooks
runbooks: deps ## Write docs/runbooks/ and the seeds of pipelines and on-call weeks from docs/runbooks/pipelines.yml and the project.
	@$(PY) -m tools.runbooks

.PHONY: test
test: deps ## Run everything that guards a change: lint, dbt build with its tests, pytest, the Snowflake emulator.
	@$(PY) -m tools.test

.PHONY: test-all
test-all: deps ## As test, with the long soaks and large property runs; the seed is printed.
	@$(PY) -m tools.test --all

.PHONY: emulator
emulator: deps ## Build twice on the Snowflake emulator and compare every mart with DuckDB; then the static gate.
	@$(PY) -m tools.snowflake.job

.PHONY: slim-ci
slim-ci: deps ## Build only what changed against the artefacts in STATE=dir, deferring the rest to their warehouse.
	@$(PY) -m tools.slim_ci --state $(STATE)

.PHONY: bench
bench: deps ## Measure landing, build, parse, memory and their growth, as ratios in one run.
	@$(PY) -m benchmarks $(BENCH_ARGS)

.PHONY: lock
lock: setup ## Resolve pyproject.toml into requirements.lock again.
	@$(PY) tools/setup_venv.py --lock

.PHONY: clean
clean: ## Remove what runs have made: warehouse, target, logs, packages. Keeps .venv.
	rm -rf warehouse target logs dbt_packages benchmarks/results
	find reports -mindepth 1 -maxdepth 1 ! -name boards -exec rm -rf {} +
