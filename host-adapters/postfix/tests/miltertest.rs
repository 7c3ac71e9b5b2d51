//! OpenDKIM's `miltertest`, a second implementation of the mail server's side, drives the server.

mod rig;
mod support;

use std::fs;
use std::process::Command;

use rig::{ANNA, BRUNO, DARIO, Rig};
use support::installed;

/// The session in Lua, as `miltertest` wants it: `miltertest(8)` documents every function.
fn script(socket: &str) -> String {
    format!(
        r#"
function check(what, wanted)
    local reply = mt.getreply(conn)
    if reply ~= wanted then
        error(what .. ": reply " .. reply .. ", wanted " .. wanted)
    end
end

conn = mt.connect("{socket}")
if conn == nil then error("no connection") end

mt.macro(conn, SMFIC_CONNECT, "{{daemon_name}}", "PEC-ACCESS")
if mt.conninfo(conn, "client.test", "192.0.2.7") ~= nil then error("conninfo") end

-- Nobody is logged in.
mt.mailfrom(conn, "<{ANNA}>")
check("MAIL without AUTH", SMFIR_REPLYCODE)
mt.abort(conn)

mt.macro(conn, SMFIC_MAIL, "{{auth_authen}}", "{ANNA}")
mt.mailfrom(conn, "<{ANNA}>", "SIZE=200")
check("MAIL", SMFIR_CONTINUE)
mt.rcptto(conn, "<{DARIO}>", "NOTIFY=NEVER")
check("RCPT", SMFIR_CONTINUE)
-- It adds the blank after the colon itself, having agreed to tell blanks.
mt.header(conn, "From", "{ANNA}")
mt.header(conn, "To", "{DARIO}")
mt.header(conn, "Subject", " Prova\n piegata")
mt.bodystring(conn, "Buongiorno.\r\n")
mt.bodystring(conn, "Buonasera.\r\n")
mt.eom(conn)
check("message", SMFIR_DISCARD)

-- A second message on the same connection, refused by the plug-in: the reverse path is another's.
mt.macro(conn, SMFIC_MAIL, "{{auth_authen}}", "{ANNA}")
mt.mailfrom(conn, "<{BRUNO}>")
check("second MAIL", SMFIR_CONTINUE)
mt.rcptto(conn, "<{DARIO}>")
check("second RCPT", SMFIR_CONTINUE)
mt.header(conn, "From", "{BRUNO}")
mt.header(conn, "To", "{DARIO}")
mt.bodystring(conn, "x\r\n")
mt.eom(conn)
check("second message", SMFIR_REPLYCODE)
mt.disconnect(conn)
"#
    )
}

#[test]
fn a_second_implementation_holds_a_session() {
    if !installed(&["miltertest"]) {
        return;
    }
    let Some(rig) = Rig::new() else { return };
    let file = rig.folder.path().join("session.lua");
    fs::write(&file, script(&rig.milter.to_string())).expect("it can be written");
    let output = Command::new("miltertest")
        .arg("-v")
        .arg("-s")
        .arg(&file)
        .output()
        .expect("miltertest runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let submission = &rig.submissions()[0];
    assert_eq!(submission.recipients, [DARIO]);
    assert_eq!(
        String::from_utf8_lossy(&submission.message),
        format!(
            "From: {ANNA}\r\nTo: {DARIO}\r\nSubject:  Prova\r\n piegata\r\n\r\n\
             Buongiorno.\r\nBuonasera.\r\n"
        )
    );
}
