//! Several hosts of one provider, each with a mail server of its own, share a store on PostgreSQL.

use std::os::unix::process::ExitStatusExt as _;

use crate::faults::{accepted, ends, on_postgres, serving};
use crate::load::Load;
use crate::pair::{Pair, wait_until};
use crate::postgres::PostgresServer;

/// Clients go to the other one meanwhile, also with what the dead one may have accepted; and the
/// other one finishes what it had in hand.
#[test]
fn one_of_two_hosts_is_killed_and_comes_back() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let Some(pair) = Pair::start() else { return };
    on_postgres(&pair.alfa.provider, &server);
    let second = pair.another_of_alfa();
    let beta = serving(&pair.beta.provider);
    let one = serving(&pair.alfa.provider);
    let load = Load::on(&pair, vec![&pair.alfa, &second]);
    let two = load.beside(|| {
        for _ in 0..DEATHS {
            let two = serving(&second.provider);
            wait_until("both have work", || {
                [&one, &two].iter().all(|host| accepted(host) > 2.0)
            });
            two.signal("KILL");
            assert_eq!(two.status().signal(), Some(KILLED));
            let before = accepted(&one);
            wait_until("the other one goes on", || accepted(&one) > before + 2.0);
        }
        serving(&second.provider)
    });
    load.settle();
    [one, two, beta].iter().for_each(ends);
    load.everything_happened_once();
}

const DEATHS: usize = 3;
const KILLED: i32 = 9;
