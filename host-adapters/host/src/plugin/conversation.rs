//! One conversation: an instance of its own, which ends with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Trap;
use wasmtime::component::ResourceAny;

use super::Shared;
use super::limits::{Meter, Ticker};
use crate::engine::{Dialogue, Event, PluginError};
use crate::pec::{self, bindings};

/// A conversation with the component.
pub(super) struct Conversation {
    instance: Instance,
    transaction: ResourceAny,
}

/// Begins one with an event, and lets go of the event as soon as the plug-in has its own copy.
pub(super) fn begin(
    shared: &Arc<Shared>,
    context: &pec::Context,
    event: Event,
) -> Result<Conversation, PluginError> {
    let mut instance = Instance::new(shared)?;
    let transaction = instance.call(|bindings, store| {
        let points = bindings.ceralacca_pec_transactions();
        match &event {
            Event::Submit(event) => points.call_submit(store, context, event),
            Event::Arrive(event) => points.call_arrive(store, context, event),
            Event::FinishDeposit(event) => points.call_finish_deposit(store, context, event),
            Event::FailRelay(event) => points.call_fail_relay(store, context, event),
            Event::PassTime(event) => points.call_pass_time(store, context, event),
            Event::LoadDirectory(event) => points.call_load_directory(store, context, event),
            Event::Examine(event) => points.call_examine(store, context, event),
        }
    })?;
    drop(event);
    Ok(Conversation {
        instance,
        transaction,
    })
}

/// Has the plug-in test settings.
pub(super) fn check_settings(
    shared: &Arc<Shared>,
    settings: &pec::Settings,
) -> Result<(), PluginError> {
    Instance::new(shared)?
        .call(|bindings, store| {
            bindings
                .ceralacca_pec_transactions()
                .call_check_settings(store, settings)
        })?
        .map_err(PluginError::Fault)
}

impl Dialogue for Conversation {
    fn advance(&mut self, answers: &[pec::Answer]) -> Result<pec::Step, PluginError> {
        let transaction = self.transaction;
        self.instance
            .call(|bindings, store| {
                bindings
                    .ceralacca_pec_transactions()
                    .transaction()
                    .call_advance(store, transaction, answers)
            })?
            .map_err(PluginError::Fault)
    }
}

/// A fresh instance of the component in a slot of the pool.
struct Instance {
    /// Dropped before the slot is given back, see below.
    store: wasmtime::Store<Meter>,
    bindings: bindings::Plugin,
    /// What is left of [`super::Limits::time`].
    time_left: Duration,
    slot: Slot,
}

impl Instance {
    fn new(shared: &Arc<Shared>) -> Result<Self, PluginError> {
        shared.slots.take();
        let slot = Slot(Arc::clone(shared));
        let limits = &shared.limits;
        let mut store = wasmtime::Store::new(&shared.engine, Meter::new(limits.memory));
        store.limiter(|meter| meter);
        // An outcome cannot be larger than the memory it is read from; wasmtime's own bound,
        // 128 MiB, is less than an outcome for a re-encoded 100 MB message takes.
        store.set_hostcall_fuel(limits.memory);
        store.set_epoch_deadline(Ticker::deadline(limits.time));
        match shared.component.instantiate(&mut store) {
            Ok(bindings) => Ok(Self {
                store,
                bindings,
                time_left: limits.time,
                slot,
            }),
            Err(error) => Err(judge(&error, &store, shared)),
        }
    }

    /// Calls into the plug-in with what is left of its time.
    fn call<T>(
        &mut self,
        function: impl FnOnce(&bindings::Plugin, &mut wasmtime::Store<Meter>) -> wasmtime::Result<T>,
    ) -> Result<T, PluginError> {
        self.store
            .set_epoch_deadline(Ticker::deadline(self.time_left));
        let begun = Instant::now();
        let result = function(&self.bindings, &mut self.store);
        self.time_left = self.time_left.saturating_sub(begun.elapsed());
        result.map_err(|error| judge(&error, &self.store, &self.slot.0))
    }
}

/// Says which limit an error is about, if any.
fn judge(error: &wasmtime::Error, store: &wasmtime::Store<Meter>, shared: &Shared) -> PluginError {
    if let Some(wanted) = store.data().refused() {
        return PluginError::OutOfMemory {
            wanted,
            limit: shared.limits.memory,
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => PluginError::OutOfTime {
            limit: shared.limits.time,
        },
        _ => PluginError::Trap {
            reason: format!("{error:#}"),
        },
    }
}

/// A place in the pool. Fields are dropped in the order in which they are declared, so the store
/// (and with it the instance) of an [`Instance`] is gone before its slot is given back.
struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.slots.give();
    }
}
