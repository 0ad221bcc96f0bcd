# Everything sets itself up: `make conformance` judges a DNS server, `make test` runs every check of the project itself.
PYTHON ?= python3
CLUSTER ?= embedded
BIN := .venv/bin
# Where no container engine answers, kind gets one of our own.
ON_KIND := $(if $(filter kind,$(CLUSTER)),$(BIN)/python -m tools.on_kind)
# uv does not read pip's configuration; a mirror that is set for pip serves it as well.
export UV_DEFAULT_INDEX ?= $(or $(PIP_INDEX_URL),)
ifeq ($(UV_DEFAULT_INDEX),)
unexport UV_DEFAULT_INDEX
endif

# Else the first run has to, and each one where Python is told to write nothing.
export UV_COMPILE_BYTECODE := 1

.PHONY: help conformance test test-kind test-release audit-scale upgrade faults faults-e2e matrix fuzz docs site lock benchmarks benchmark-e2e benchmark-scale engine engine-stop kind-image clean
help: ## Show this.
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 22

conformance: .venv/ready ## Judge a real CoreDNS on a cluster that needs no containers, or with CLUSTER=kind. ARGS='--ip-family dual' and so on.
	@$(ON_KIND) $(BIN)/kube-dns-conformance run --cluster $(CLUSTER) $(ARGS) || { status=$$?; case $$status in 1) why=nonconformant;; 2) why="wrong usage";; \
	  3) why="could not judge";; *) why=ended;; esac; echo "exit status $$status: $$why" >&2; exit $$status; }

test: .venv/ready ## Every check of the project: style, types, tests, and all suites, embedded and on a kind cluster.
	@rm -f .tox/result.json; status=0; $(BIN)/tox run-parallel --parallel 2 --result-json .tox/result.json $(TOX_ARGS) || status=$$?; \
	  $(BIN)/python -m tools.failed .tox/result.json; $(BIN)/python -m tools.on_kind --why-not; exit $$status

test-kind: .venv/ready ## Those of them that need a container engine: where none answers, on one of our own.
	$(BIN)/tox run -e sandbox,kind $(TOX_ARGS)

test-release: .venv/ready ## What is beyond them: the tests with a large cluster, many clusters, many engines. Before a release.
	$(BIN)/tox run -e release $(TOX_ARGS)

audit-scale: .venv/ready ## Audit 2,000 Services on an embedded cluster: nothing is wrong, and each of ten lies is found.
	$(BIN)/pytest tests/cluster/test_audit.py -k two_thousand

FROM ?= 1.36.3
TO ?= 1.37.2
upgrade: .venv/ready ## Validate a real kubeadm upgrade of a kind cluster of its own. FROM=1.36.3 TO=1.37.2; CoreDNS alone: TO=1.14.7 ARGS=--dns-alone
	$(BIN)/python -m tools.real_upgrade --prepare $(ARGS) $(TO)
	KDC_KUBERNETES=$(FROM) $(BIN)/python -m tools.on_kind $(BIN)/python -m tools.real_upgrade $(ARGS) $(TO)

faults: .venv/ready ## Run the suite against every faulty server, and write docs/faults.md. ARGS='--fault "ttl-*"' or '--honest 50' write no page.
	@PYTHONPATH=tests $(BIN)/python -m faults.table $(ARGS)

faults-e2e: .venv/ready ## Kubernetes' own tests against the same servers on kind, an hour; writes docs/kubernetes-e2e.md.
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.kubernetes_e2e.faults $(ARGS)

matrix: .venv/ready ## Judge versions and configurations of CoreDNS side by side; writes docs/matrix.md and reports/published. ARGS='--only "ttl*"'.
	@$(BIN)/python -m tools.matrix $(ARGS)

fuzz: .venv/fuzz ## Fuzz what reads answers, for a minute; ARGS=-max_total_time=600 for ten.
	PYTHONPATH=tests $(BIN)/python tests/fuzz_answers.py -max_total_time=60 -timeout=60 -rss_limit_mb=512 -max_len=4096 $(ARGS)

engine: .venv/ready ## A Docker engine of our own, where none is in reach; see tools/README.md.
	$(BIN)/python -m tools.engine up

engine-stop: .venv/ready ## End it and everything in it.
	$(BIN)/python -m tools.engine down

kind-image: .venv/ready ## A kind node image where none can be pulled. KUBERNETES=1.37.2 chooses another version.
	$(BIN)/python -m tools.kind_image $(KUBERNETES)

benchmarks: .venv/ready ## Where the time goes, see benchmarks/README.md.
	$(BIN)/python -m benchmarks

docs: .venv/ready ## Write docs/requirements.md from the catalogue and docs/published.html from reports/published, and draw docs/example.svg.
	$(BIN)/python -m tools.requirements_page
	$(BIN)/python -m tools.published
	$(BIN)/python -m tools.example

site: .venv/ready ## Build docs/ as a site, build/site/index.html; a link inside it that leads nowhere fails.
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet -d build/doctrees docs build/site

benchmark-e2e: .venv/ready ## Kubernetes' own DNS conformance tests against ours, on one kind cluster; see benchmarks/kubernetes_e2e/README.md.
	$(BIN)/python -m benchmarks.kubernetes_e2e $(ARGS)

benchmark-scale: .venv/ready ## Audits of up to 100,000 endpoints, against dnsperf; writes benchmarks/results/scale.json and docs/scale.svg.
	PYTHONPATH=tests $(BIN)/python -m benchmarks.scale $(ARGS)

lock: .venv/ready ## Choose the newest dependencies and pin them with their hashes.
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' --group dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' --group image pyproject.toml -c requirements/dev.txt -o requirements/image.txt
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' requirements/uv.in -c requirements/dev.txt -o requirements/uv.txt
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' requirements/fuzz.in -c requirements/dev.txt -o requirements/fuzz.txt

clean: ## Delete the environments; the tools in the user's cache folder stay.
	rm -rf .venv .tox

.venv/ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); make PYTHON=python3.12 chooses another" >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/uv.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/fuzz: .venv/ready requirements/fuzz.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements/fuzz.txt
	@touch $@
