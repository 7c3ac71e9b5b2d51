# Everything here is a short name for a cargo command. A machine with cargo, a C
# compiler and make can do all of it; tests that want more tools say so.
#
# One profile, release, for the demo, the lints and the tests: the dependencies (a
# WebAssembly compiler, SQLite, cryptography) are then built once, and the plug-in
# is tested as it ships.

CARGO     ?= cargo
OUT       ?= demo-out
TARGET    := $(or $(CARGO_TARGET_DIR),target)
WASM      := wasm32-unknown-unknown
CORE      := $(TARGET)/$(WASM)/release/ceralacca.wasm
COMPONENT := $(TARGET)/ceralacca.component.wasm
PLUGIN    := --release --lib -p ceralacca --target $(WASM) --features component
INPUTS    := $(shell find src wit host-adapters/componentize/src -type f) \
             $(wildcard Cargo.toml Cargo.lock .cargo/config.toml) \
             host-adapters/componentize/Cargo.toml

.DELETE_ON_ERROR:
.PHONY: help component demo test lint bench clean install-test-tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile

component: $(COMPONENT) ## the plug-in: target/ceralacca.component.wasm

$(COMPONENT): $(INPUTS)
	.ci/wasm32-target
	$(CARGO) build $(PLUGIN)
	$(CARGO) run --release -p ceralacca-componentize -- $(CORE) -o $@

demo: component ## a certified message from sender to receipt, into OUT=demo-out
	$(CARGO) run --release -p ceralacca-harness --bin ceralacca -- demo --out $(OUT)

# Documentation tests first: the runner's summary closes the output.
test: component lint ## all that must hold before a commit
	$(CARGO) run --release -p ceralacca-componentize -- --check $(COMPONENT)
	$(CARGO) test --release --workspace --doc
	@if $(CARGO) nextest --version >/dev/null 2>&1; then set -x; \
	    $(CARGO) nextest run --release --workspace --no-fail-fast; \
	else set -x; \
	    $(CARGO) test --release --workspace --all-targets --no-fail-fast; \
	fi

# The component's own face exists only on its target, so clippy goes there too.
lint: ## format, clippy, shellcheck (when installed)
	.ci/wasm32-target
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(PLUGIN) -- -D warnings
	@if command -v shellcheck >/dev/null; then set -x; shellcheck .ci/run .ci/wasm32-target; fi

bench: component ## speed of the plug-in and its host
	$(CARGO) bench -p ceralacca-harness

clean: ## removes what was built
	$(CARGO) clean
	rm -rf demo-out

# Independent judges of what we produce, as "command:Debian package".
TEST_TOOLS := openssl:openssl certtool:gnutls-bin cmsutil:libnss3-tools gpgsm:gpgsm \
              faketime:faketime xmllint:libxml2-utils shellcheck:shellcheck

install-test-tools: ## apt-get installs the programs that tests compare with
	@missing=; for tool in $(TEST_TOOLS); do \
	    command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing$$missing"; \
	$$sudo apt-get -qq update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install --no-install-recommends $$missing
