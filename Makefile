# Everything here is a short name for a cargo command. A machine with cargo, a C
# compiler and make can do all of it; tests that want more tools say so.
#
# Demo, lints and tests share one profile, release: the dependencies (a WebAssembly
# compiler, SQLite, cryptography) are then built once, and a test that runs the plug-in
# does not wait for an unoptimised compiler. The plug-in has a profile of its own.

CARGO     ?= cargo
OUT       ?= demo-out
TARGET    := $(or $(CARGO_TARGET_DIR),target)
WASM      := wasm32-unknown-unknown
CORE      := $(TARGET)/$(WASM)/plugin/ceralacca.wasm
COMPONENT := $(TARGET)/ceralacca.component.wasm
EXTISM    := $(TARGET)/ceralacca.extism.wasm
# The plug-in's core module with one of its faces, of which it can have one only.
PLUGIN    := --profile plugin --lib -p ceralacca --target $(WASM) --features
FACES     := component extism js
NPM       := $(TARGET)/npm
PACKAGE   := host-adapters/npm/package
PAGE      := $(TARGET)/page
NPM_TOOL  := --release --manifest-path host-adapters/npm/Cargo.toml --target-dir $(TARGET)/npm-tool
# As the tests are built, so that no dependency is compiled twice: all packages at once, because
# cargo unites the features of what it builds together; and with `--examples`, because that makes
# it count the features of dev-dependencies, as for tests.
AS_TESTS  := $(CARGO) build --release --workspace --examples
NATIVE    := $(AS_TESTS) --bins
INPUTS    := $(shell find src wit host-adapters/componentize/src -type f) \
             $(wildcard Cargo.toml Cargo.lock .cargo/config.toml) \
             host-adapters/componentize/Cargo.toml

# Examples, who sends in them, and what they run on, which is installed beside them.
RUN_EXAMPLES := $(addprefix example-,worker deno bun node-extism python-wasmtime embed)
ALFA         := $(abspath $(OUT))/providers/alfa anna.rossi@pec.alfa.example
NODE_MODULES := node_modules/installed
VENV         := examples/python-wasmtime/.venv
PEC_MJS      := node --no-warnings examples/node-extism/pec.mjs
# Those that need no server; a bench in a folder of its own does.
BENCHES   := $(notdir $(basename $(wildcard host-adapters/*/benches/*.rs)))

# For programs and tests; without it they look in target/.
export CERALACCA_COMPONENT := $(abspath $(COMPONENT))

.DELETE_ON_ERROR:
# The faces are built one after another in the same place.
.NOTPARALLEL:
.PHONY: help component extism npm page sizes test-optimised demo demo-postfix deb test lint bench bench-hosts \
        bench-postfix fuzz clean install-test-tools install-debian-tools $(RUN_EXAMPLES)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile

component: $(COMPONENT) ## the plug-in: target/ceralacca.component.wasm

# One crate type only: for a package that is also a library cargo drops the profile's LTO.
$(COMPONENT): $(INPUTS)
	.ci/wasm32-target
	$(CARGO) rustc $(PLUGIN) component --crate-type cdylib
	$(AS_TESTS) --bin ceralacca-componentize
	$(TARGET)/release/ceralacca-componentize $(CORE) -o $@
	cp $(CORE) $(TARGET)/ceralacca.core.wasm

extism: $(EXTISM) ## the plug-in for Extism: target/ceralacca.extism.wasm

$(EXTISM): $(INPUTS)
	.ci/wasm32-target
	$(CARGO) rustc $(PLUGIN) extism --crate-type cdylib
	cp $(CORE) $@

npm: $(NPM)/package.json ## the plug-in for JavaScript: target/npm, a package for npm

$(NPM)/package.json: $(INPUTS) $(wildcard host-adapters/npm/src/* $(PACKAGE)/*)
	.ci/wasm32-target
	$(CARGO) rustc $(PLUGIN) js --crate-type cdylib
	$(CARGO) run $(NPM_TOOL) -- $(CORE) wit $(PACKAGE) $(NPM)
	cp LICENSE-* $(NPM)

page: $(PAGE)/index.html ## a web page that verifies messages: target/page, for any web server

$(PAGE)/index.html: $(NPM)/package.json $(shell find examples/page -type f)
	rm -rf $(PAGE)
	cp -R examples/page $(PAGE)
	cp -R $(NPM) $(PAGE)/ceralacca

demo: component ## a certified message from sender to receipt, into OUT=demo-out
	$(NATIVE)
	$(TARGET)/release/ceralacca demo --out $(OUT)

# Installs by apt what is missing, starts no service of the system and leaves nothing behind.
demo-postfix: component ## two providers on real Postfix, Dovecot and ClamAV, into OUT=demo-out
	$(NATIVE)
	BIN=$(abspath $(TARGET)/release) examples/postfix/demo.sh $(OUT)/postfix

# Everything in the package is built here, as everything else is; cargo-deb only packs.
# --fast: larger, and made in seconds.
DEB_FLAGS ?=
DEB_TOOLS := $(abspath $(TARGET))/tools

deb: component ## the Debian package, into target/debian
	$(NATIVE)
	@command -v cargo-deb >/dev/null || [ -x $(DEB_TOOLS)/bin/cargo-deb ] || \
	    $(CARGO) install --locked --root $(DEB_TOOLS) cargo-deb@3.8.0
	PATH="$(DEB_TOOLS)/bin:$$PATH" $(CARGO) deb --no-build $(DEB_FLAGS) -p ceralacca-postfix

# With nextest, documentation tests go first: the runner's summary closes the output.
test: component extism npm page lint ## all that must hold before a commit
	$(TARGET)/release/ceralacca-componentize --check $(COMPONENT)
	@if $(CARGO) nextest --version >/dev/null 2>&1; then set -ex; \
	    $(CARGO) test --release --workspace --doc; \
	    $(CARGO) nextest run --release --workspace --no-fail-fast; \
	else set -x; \
	    $(CARGO) test --release --workspace --no-fail-fast; \
	fi

# The component's own face exists only on its target, so clippy goes there too.
lint: ## format, clippy, shellcheck (when installed)
	.ci/wasm32-target
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path host-adapters/npm/Cargo.toml
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(NPM_TOOL) -- -D warnings
	@set -ex; for face in $(FACES); do $(CARGO) clippy $(PLUGIN) $$face -- -D warnings; done
	@set -e; for two in component,extism component,js extism,js; do \
	    $(CARGO) clippy $(PLUGIN) $$two 2>&1 | grep -q 'choose one face' || \
	        { echo "a module with the faces $$two is not refused"; exit 1; }; \
	done
	@if command -v shellcheck >/dev/null; then set -x; shellcheck .ci/run .ci/wasm32-target examples/postfix/demo.sh examples/worker/start; fi

# The examples, each with the providers and messages of the demonstration.
example-worker: npm $(OUT)/index.html examples/worker/$(NODE_MODULES) ## an edge worker, in workerd
	cd examples/worker && ./start $(ALFA)

example-deno: npm $(OUT)/index.html examples/deno/$(NODE_MODULES) ## the same under Deno
	cd examples/deno && node_modules/.bin/deno run --allow-read --allow-net=127.0.0.1 --allow-env=PORT serve.js $(ALFA)

# Bun finds the npm package where the worker has it.
example-bun: npm $(OUT)/index.html examples/worker/$(NODE_MODULES) examples/deno/$(NODE_MODULES) ## the same under Bun
	cd examples/deno && node_modules/.bin/bun serve.js $(ALFA)

example-node-extism: extism $(OUT)/index.html examples/node-extism/$(NODE_MODULES) ## seals and verifies with Extism in Node
	@mkdir -p $(OUT)/sealed
	@$(PEC_MJS) seal $(EXTISM) $(ALFA) $(OUT)/submitted/01-original.txt $(OUT)/sealed bruno.verdi@pec.beta.example
	@$(PEC_MJS) verify $(EXTISM) $(OUT)/providers/alfa $(OUT)/sealed/*.eml $(OUT)/*.eml

example-python-wasmtime: component $(OUT)/index.html $(VENV)/installed ## verifies a folder with wasmtime in Python
	@$(VENV)/bin/python examples/python-wasmtime/verify.py $(COMPONENT) $(OUT)/directory.ldif $(OUT)/roots.pem $(OUT)

example-embed: $(OUT)/index.html ## the core as a Rust library
	$(AS_TESTS)
	$(TARGET)/release/examples/embed $(OUT)/directory.ldif $(OUT)/roots.pem $(OUT)/*.eml

$(OUT)/index.html:
	$(MAKE) demo

examples/%/$(NODE_MODULES): examples/%/package.json examples/%/package-lock.json
	cd examples/$* && npm ci --silent
	touch $@

$(VENV)/installed: examples/python-wasmtime/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: component ## speed of the plug-in and its host
	$(CARGO) bench --workspace $(BENCHES:%=--bench %)

# On real servers, which root starts.
bench-postfix: component install-debian-tools ## speed of Postfix with certified mail, beside others
	$(CARGO) bench --workspace --bench postfix

# libFuzzer wants compiler flags that a stable compiler takes only when told to. What a run finds
# goes to tests/fuzz/artifacts; the committed corpus is read and not written.
# With a seed other than 0 a run goes the same way each time, as far as it gets.
FUZZ_SECONDS ?= 20
FUZZ_RUNS    ?= -1
FUZZ_SEED    ?= 0
FUZZ_TARGETS := $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_TOOLS   := $(abspath $(TARGET))/tools

fuzz: ## every fuzz target for FUZZ_SECONDS=20
	@command -v cargo-fuzz >/dev/null || [ -x $(FUZZ_TOOLS)/bin/cargo-fuzz ] || \
	    $(CARGO) install --locked --root $(FUZZ_TOOLS) cargo-fuzz@0.13.2
	@set -e; export RUSTC_BOOTSTRAP=1 PATH="$(FUZZ_TOOLS)/bin:$$PATH"; \
	new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
	for target in $(FUZZ_TARGETS); do \
	    echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
	    mkdir $$new/$$target; \
	    $(CARGO) fuzz run -s none --fuzz-dir tests/fuzz --target-dir $(TARGET)/fuzz $$target \
	        $$new/$$target tests/fuzz/corpus/$$target -- -dict=tests/fuzz/mail.dict \
	        -max_total_time=$(FUZZ_SECONDS) -runs=$(FUZZ_RUNS) -seed=$(FUZZ_SEED) \
	        -timeout=10 -print_final_stats=0 \
	        2>$$new/log || { tail -n 60 $$new/log; exit 1; }; \
	    grep -a '^Done' $$new/log; \
	done

# What the faces of the plug-in run on besides this project's own host, from PyPI and npm.
HOSTS      := $(TARGET)/tools/hosts
HOST_LISTS := $(addprefix tests/faces/hosts/,requirements.txt package.json package-lock.json)

RUNTIMES := $(HOSTS)/installed $(foreach of,worker deno,examples/$(of)/$(NODE_MODULES))

bench-hosts: component extism npm $(RUNTIMES) ## speed and memory of each host of each face
	$(CARGO) bench --workspace --bench hosts

# wasm-opt takes minutes, and nothing else but the next goal needs it. What it may use the modules say
# themselves: told of all features, it would use some that no runtime has. It knows no components: there it
# gets the core module, of which a component is made then.
SIZED := $(notdir $(COMPONENT) $(EXTISM)) npm/wasm/ceralacca_bg.wasm
SMALL := $(TARGET)/optimised

sizes: component extism npm $(HOSTS)/installed ## octets of each module: as built, after wasm-opt -O3 (in target/optimised), and gzipped
	@rm -rf $(SMALL); mkdir -p $(SMALL); cp -R $(NPM) $(SMALL)
	@set -e; for file in $(SIZED); do \
	    built=$(TARGET)/$$file; small=$(SMALL)/$$file; \
	    core=$$built; [ $$built != $(COMPONENT) ] || core=$(TARGET)/ceralacca.core.wasm; \
	    node $(HOSTS)/node_modules/.bin/wasm-opt -O3 $$core -o $$small; \
	    [ $$core = $$built ] || $(TARGET)/release/ceralacca-componentize $$small -o $$small >/dev/null; \
	    echo "$$file $$(wc -c <$$built) $$(wc -c <$$small) $$(gzip -9c $$small | wc -c)"; \
	done

# The same must be said by what `make sizes` has left.
test-optimised: sizes $(RUNTIMES) ## the tests of all hosts, with the optimised modules
	CERALACCA_REQUIRE_TOOLS=1 CERALACCA_MODULES=$(abspath $(SMALL)) \
	    $(CARGO) test --release --workspace --test faces

clean: ## removes what was built
	$(CARGO) clean
	rm -rf demo-out

# Independent judges of what we produce, as "command:Debian package".
TEST_TOOLS := openssl:openssl certtool:gnutls-bin cmsutil:libnss3-tools gpgsm:gpgsm \
              faketime:faketime xmllint:libxml2-utils slapadd:slapd sqlite3:sqlite3 \
              shellcheck:shellcheck zip:zip pg_lsclusters:postgresql postfix:postfix swaks:swaks \
              miltertest:miltertest dovecot:dovecot-core /usr/lib/dovecot/imap:dovecot-imapd \
              /usr/lib/dovecot/lmtp:dovecot-lmtpd clamd:clamav-daemon \
              softhsm2-util:softhsm2 p11-kit:p11-kit nginx:nginx-light curl:curl lintian:lintian \
              systemd-tmpfiles:systemd node:nodejs npm:npm chromium:chromium \
              opendkim:opendkim

# A PEC client that is not ours, from PyPI, in an environment of its own.
READERS := $(TARGET)/tools/readers

$(READERS)/installed: Makefile | install-debian-tools
	python3 -m venv $(READERS)
	$(READERS)/bin/pip install --quiet --disable-pip-version-check mayai-pec-cli==0.2.0
	touch $@

$(HOSTS)/installed: $(HOST_LISTS) | install-debian-tools
	python3 -m venv $(HOSTS)
	$(HOSTS)/bin/pip install --quiet --disable-pip-version-check -r tests/faces/hosts/requirements.txt
	cp tests/faces/hosts/package.json tests/faces/hosts/package-lock.json $(HOSTS)
	cd $(HOSTS) && npm ci --silent
	touch $@

install-test-tools: install-debian-tools $(READERS)/installed $(HOSTS)/installed $(VENV)/installed \
        $(foreach of,worker deno node-extism,examples/$(of)/$(NODE_MODULES)) ## installs what tests compare with

# Debian starts what it installs, unless policy-rc.d forbids it: no server of the system is wanted.
POLICY := /usr/sbin/policy-rc.d

install-debian-tools:
	@PATH="$$PATH:/usr/sbin"; missing=; for tool in $(TEST_TOOLS); do \
	    command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -n "$$missing" ] || exit 0; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing$$missing"; \
	if [ ! -e $(POLICY) ]; then \
	    trap "$$sudo rm -f $(POLICY)" EXIT; \
	    printf '#!/bin/sh\nexit 101\n' | $$sudo tee $(POLICY) >/dev/null; \
	    $$sudo chmod 755 $(POLICY); \
	fi; \
	$$sudo apt-get -qq update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install --no-install-recommends $$missing
