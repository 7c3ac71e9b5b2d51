//! One conversation: an instance of its own, which ends with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Trap;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, ComponentType, Lift, Lower, ResourceAny, TypedFunc,
};

use super::Shared;
use super::limits::{Meter, Ticker};
use crate::engine::{Dialogue, Event, PluginError};
use crate::pec;

/// A conversation with the component.
pub(super) struct Conversation {
    instance: Instance,
    transaction: ResourceAny,
    advance: Advance,
}

/// `transaction.advance` of the conversation's own instance.
type Advance = TypedFunc<(ResourceAny, Vec<pec::Answer>), (Result<pec::Step, pec::Fault>,)>;

/// Begins one with an event, and lets go of the event as soon as the plug-in has its own copy.
pub(super) fn begin(
    shared: &Arc<Shared>,
    context: &pec::Context,
    event: Event,
) -> Result<Conversation, PluginError> {
    let mut instance = Instance::new(shared)?;
    let exports = &shared.exports;
    let transaction = match &event {
        Event::Submit(event) => instance.begin(&exports.submit, (context, event)),
        Event::Arrive(event) => instance.begin(&exports.arrive, (context, event)),
        Event::FinishDeposit(event) => instance.begin(&exports.finish_deposit, (context, event)),
        Event::FailRelay(event) => instance.begin(&exports.fail_relay, (context, event)),
        Event::PassTime(event) => instance.begin(&exports.pass_time, (context, event)),
        Event::LoadDirectory(event) => instance.begin(&exports.load_directory, (context, event)),
        Event::ComposeRecord(event) => instance.begin(&exports.compose_record, (context, event)),
        Event::Examine(event) => instance.begin(&exports.examine, (context, event)),
    }?;
    drop(event);
    let advance = instance.function(&exports.advance)?;
    Ok(Conversation {
        instance,
        transaction,
        advance,
    })
}

/// Has the plug-in test settings.
pub(super) fn check_settings(
    shared: &Arc<Shared>,
    settings: &pec::Settings,
) -> Result<(), PluginError> {
    let mut instance = Instance::new(shared)?;
    let check: TypedFunc<(&pec::Settings,), (Result<(), pec::Fault>,)> =
        instance.function(&shared.exports.check_settings)?;
    instance
        .call(check, (settings,))?
        .map_err(PluginError::Fault)
}

/// Has the plug-in judge a dossier.
pub(super) fn audit(
    shared: &Arc<Shared>,
    now: u64,
    dossier: &pec::Dossier,
) -> Result<Vec<pec::LogFinding>, PluginError> {
    let mut instance = Instance::new(shared)?;
    let audit: Audit<'_> = instance.function(&shared.exports.audit)?;
    instance
        .call(audit, (now, dossier))?
        .map_err(PluginError::Fault)
}

/// `audit` of an instance.
type Audit<'a> = TypedFunc<(u64, &'a pec::Dossier), (Result<Vec<pec::LogFinding>, pec::Fault>,)>;

impl Dialogue for Conversation {
    fn advance(&mut self, answers: Vec<pec::Answer>) -> Result<pec::Step, PluginError> {
        self.instance
            .call(self.advance, (self.transaction, answers))?
            .map_err(PluginError::Fault)
    }
}

/// A fresh instance of the component in a slot of the pool.
struct Instance {
    /// Dropped before the slot is given back, see below.
    store: wasmtime::Store<Meter>,
    component: wasmtime::component::Instance,
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
            Ok(component) => Ok(Self {
                store,
                component,
                time_left: limits.time,
                slot,
            }),
            Err(error) => Err(judge(&error, &store, shared)),
        }
    }

    /// Begins a transaction with one of the functions that do.
    fn begin<E: Lower + ComponentType>(
        &mut self,
        export: &ComponentExportIndex,
        (context, event): (&pec::Context, &E),
    ) -> Result<ResourceAny, PluginError> {
        let function: TypedFunc<(&pec::Context, &E), (ResourceAny,)> = self.function(export)?;
        self.call(function, (context, event))
    }

    /// One of [`super::Exports`], of these types.
    ///
    /// The generated bindings would look all of them up, and compare all their types, for each
    /// instance; a conversation needs two, and that is a part of what it costs.
    fn function<P, R>(
        &mut self,
        export: &ComponentExportIndex,
    ) -> Result<TypedFunc<P, R>, PluginError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.component
            .get_typed_func(&mut self.store, export)
            .map_err(|error| judge(&error, &self.store, &self.slot.0))
    }

    /// Calls into the plug-in with what is left of its time.
    fn call<P, R>(&mut self, function: TypedFunc<P, (R,)>, arguments: P) -> Result<R, PluginError>
    where
        P: ComponentNamedList + Lower,
        (R,): ComponentNamedList + Lift,
    {
        self.store
            .set_epoch_deadline(Ticker::deadline(self.time_left));
        let begun = Instant::now();
        let result = function.call(&mut self.store, arguments);
        self.time_left = self.time_left.saturating_sub(begun.elapsed());
        result
            .map(|(result,)| result)
            .map_err(|error| judge(&error, &self.store, &self.slot.0))
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
