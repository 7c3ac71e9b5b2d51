//! The plug-in on wasmtime: compiled once, one fresh instance for each conversation.
//!
//! The component imports nothing, so the linker stays empty: no WASI, no host function. What a
//! conversation may use is bounded by [`Limits`]; whatever goes wrong in it costs that
//! conversation and nothing else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::engine::{Dialogue, Engine, Event, PluginError};
use crate::pec::{self, bindings};
pub use limits::Limits;
use limits::{Meter, Slots, Ticker};

mod conversation;
mod limits;

/// The plug-in, ready to begin conversations on any thread. Clones share the compiled component
/// and the [`Limits`].
#[derive(Clone)]
pub struct Plugin {
    shared: Arc<Shared>,
}

impl Plugin {
    /// Compiles the component in a file, or finds it compiled in `cache`, a folder that is made
    /// if need be and that nobody else may write to: what lies there is run as native code.
    ///
    /// Compiling takes seconds, a cached component some milliseconds.
    ///
    /// # Errors
    /// [`PluginError::Load`]: the file cannot be read, is no component, imports something, or is
    /// not this version's plug-in; or the cache or the memory cannot be had.
    pub fn load(
        component: &Path,
        cache: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, PluginError> {
        Shared::load(component, cache, limits)
            .map(|shared| Self {
                shared: Arc::new(shared),
            })
            .map_err(|reason| PluginError::Load {
                path: component.to_owned(),
                reason,
            })
    }
}

impl Engine for Plugin {
    fn begin(
        &self,
        context: &pec::Context,
        event: Event,
    ) -> Result<Box<dyn Dialogue>, PluginError> {
        let conversation = conversation::begin(&self.shared, context, event)?;
        Ok(Box::new(conversation))
    }

    fn check_settings(&self, settings: &pec::Settings) -> Result<(), PluginError> {
        conversation::check_settings(&self.shared, settings)
    }

    fn audit(&self, now: u64, dossier: &pec::Dossier) -> Result<Vec<pec::LogFinding>, PluginError> {
        conversation::audit(&self.shared, now, dossier)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// What all conversations share.
struct Shared {
    engine: wasmtime::Engine,
    component: InstancePre<Meter>,
    exports: Exports,
    limits: Limits,
    slots: Slots,
    /// Ends the thread that moves the engine's epoch when the last clone goes.
    _ticker: Ticker,
}

impl Shared {
    fn load(path: &Path, cache: Option<&Path>, mut limits: Limits) -> Result<Self, String> {
        // Nobody could ever begin with none.
        limits.conversations = limits.conversations.max(1);
        let octets = fs::read(path)
            .map_err(|error| format!("cannot be read: {error}; `make component` builds it"))?;
        check_preamble(&octets)?;
        let engine = wasmtime::Engine::new(&config(cache, &limits)?)
            .map_err(|error| format!("the WebAssembly engine does not start: {error:#}"))?;
        let component = Component::new(&engine, &octets)
            .map_err(|error| format!("is not a valid component: {error:#}"))?;
        check_imports(&engine, &component)?;
        let component = Linker::new(&engine)
            .instantiate_pre(&component)
            .map_err(|error| format!("is not a {WORLD} component: {error:#}"))?;
        check_types(&engine, &component, &limits)
            .map_err(|error| format!("is not a {WORLD} component: {error:#}"))?;
        let exports = Exports::of(component.component())
            .ok_or_else(|| format!("is not a {WORLD} component: a function is missing"))?;
        let ticker = Ticker::start(engine.clone())
            .map_err(|error| format!("the thread that limits its time does not start: {error}"))?;
        Ok(Self {
            engine,
            component,
            exports,
            limits,
            slots: Slots::new(limits.conversations),
            _ticker: ticker,
        })
    }
}

/// Where the functions of `wit/transactions.wit` are.
struct Exports {
    submit: ComponentExportIndex,
    arrive: ComponentExportIndex,
    finish_deposit: ComponentExportIndex,
    fail_relay: ComponentExportIndex,
    pass_time: ComponentExportIndex,
    load_directory: ComponentExportIndex,
    compose_record: ComponentExportIndex,
    examine: ComponentExportIndex,
    check_settings: ComponentExportIndex,
    audit: ComponentExportIndex,
    advance: ComponentExportIndex,
}

impl Exports {
    /// None if one of them is missing.
    fn of(component: &Component) -> Option<Self> {
        let interface = component.get_export_index(None, TRANSACTIONS)?;
        let function = |name| component.get_export_index(Some(&interface), name);
        Some(Self {
            submit: function("submit")?,
            arrive: function("arrive")?,
            finish_deposit: function("finish-deposit")?,
            fail_relay: function("fail-relay")?,
            pass_time: function("pass-time")?,
            load_directory: function("load-directory")?,
            compose_record: function("compose-record")?,
            examine: function("examine")?,
            check_settings: function("check-settings")?,
            audit: function("audit")?,
            advance: function("[method]transaction.advance")?,
        })
    }
}

/// Tells a component from everything else by its first eight octets, so that the error can say
/// what the file is: wasmtime's own would speak of layers and encodings.
fn check_preamble(octets: &[u8]) -> Result<(), String> {
    match octets.first_chunk() {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some(b"\0asm\x01\0\0\0") => Err(format!(
            "is a WebAssembly module; a {WORLD} component is expected (`make component` makes \
             one of the module)"
        )),
        _ => Err(format!(
            "is not WebAssembly; a {WORLD} component is expected"
        )),
    }
}

/// The promise that the plug-in can compute and nothing else is kept by not linking anything;
/// this says so in words before wasmtime misses the first import.
fn check_imports(engine: &wasmtime::Engine, component: &Component) -> Result<(), String> {
    let names: Vec<String> = component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(format!(
        "imports {}; the plug-in may import nothing, or it could do more than compute",
        names.join(", ")
    ))
}

/// Compares the types of all functions with those of `wit/` once; conversations look at the two they
/// call.
fn check_types(
    engine: &wasmtime::Engine,
    component: &InstancePre<Meter>,
    limits: &Limits,
) -> wasmtime::Result<()> {
    let mut store = wasmtime::Store::new(engine, Meter::new(limits.memory));
    store.limiter(|meter| meter);
    store.set_epoch_deadline(Ticker::deadline(limits.time));
    bindings::PluginPre::new(component.clone())?
        .instantiate(&mut store)
        .map(drop)
}

fn config(cache: Option<&Path>, limits: &Limits) -> Result<Config, String> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    if let Some(folder) = cache {
        let wrong = |error: &dyn std::fmt::Display| {
            format!("has no cache in {}: {error:#}", folder.display())
        };
        fs::create_dir_all(folder).map_err(|error| wrong(&error))?;
        // wasmtime wants it absolute.
        let folder = fs::canonicalize(folder).map_err(|error| wrong(&error))?;
        let mut settings = CacheConfig::new();
        settings.with_directory(&folder);
        config.cache(Some(Cache::new(settings).map_err(|error| wrong(&error))?));
    }
    Ok(config)
}

/// Address space for all conversations, reserved at once; a page costs memory when it is touched.
///
/// A slot takes 4 GiB of address space and a guard, whatever its limit: with that, compiled code
/// needs no bounds checks. Eight of them are 1/4,000 of what a 64-bit process has.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = limits.conversations;
    let small = slots.saturating_mul(INSTANCES_AND_TABLES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_memories(slots)
        .max_memories_per_component(1)
        .total_core_instances(small)
        .max_core_instances_per_component(INSTANCES_AND_TABLES)
        .total_tables(small)
        .max_tables_per_component(INSTANCES_AND_TABLES)
        .max_memory_size(limits.memory)
        // What a small message touched is cleared for the next conversation, what a large one
        // touched goes back to the system. Where the kernel can say which pages those are (Linux
        // 6.7), this saves 20 µs of page faults a conversation; where it cannot, it costs 5 µs.
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// What `wit/world.wit` calls the plug-in.
const WORLD: &str = "ceralacca:pec/plugin@0.1.0";
/// What it exports.
const TRANSACTIONS: &str = "ceralacca:pec/transactions@0.1.0";

/// wit-component wraps the core module in a few small ones, with tables of their own.
const INSTANCES_AND_TABLES: u32 = 8;

/// About what a 3 kB submission touches: stack, data, heap.
const KEEP_RESIDENT: usize = 256 << 10;
