#![doc = include_str!("extism/manual.md")]

pub mod frame;
mod session;

pub use session::{Call, Session};

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, missing_docs, reason = "generated bindings")]
mod exports {
    use std::cell::RefCell;

    use extism_pdk::{FnResult, input_bytes, plugin_fn};

    use super::{Call, Session, session};
    use crate::values::Event;

    thread_local! {
        static SESSION: RefCell<Session> = RefCell::default();
    }

    /// One call. A trap leaves the session borrowed, which the next call notices.
    fn call(call: Call) -> FnResult<Vec<u8>> {
        Ok(SESSION.with(|session| match session.try_borrow_mut() {
            Ok(mut session) => session.call(call, input_bytes()),
            Err(_) => session::broken(),
        }))
    }

    macro_rules! export {
        ($($name:ident => $call:expr;)+) => {$(
            #[plugin_fn]
            pub fn $name() -> FnResult<Vec<u8>> {
                call($call)
            }
        )+};
    }

    export! {
        submit => Call::Begin(Event::Submit);
        arrive => Call::Begin(Event::Arrive);
        finish_deposit => Call::Begin(Event::FinishDeposit);
        fail_relay => Call::Begin(Event::FailRelay);
        pass_time => Call::Begin(Event::PassTime);
        load_directory => Call::Begin(Event::LoadDirectory);
        compose_record => Call::Begin(Event::ComposeRecord);
        examine => Call::Begin(Event::Examine);
        advance => Call::Advance;
        check_settings => Call::CheckSettings;
        audit => Call::Audit;
    }
}
