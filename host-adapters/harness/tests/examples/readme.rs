//! The README of an example: the commands that it gives, and what it says that they print.

use std::fs;
use std::process::Command;

use super::server::Server;
use super::world::World;
use super::{example, succeed, target};

pub struct Readme {
    /// What stands between fences, for the demonstration of a test.
    blocks: Vec<String>,
    out: String,
}

impl Readme {
    pub fn of(name: &str, world: &World) -> Self {
        let out = world.demo.folder().to_str().expect("UTF-8").to_owned();
        let text = fs::read_to_string(example(name).join("README.md")).expect("a README");
        let text = text.replace("demo-out", &out);
        let blocks = text.split("```\n").skip(1).step_by(2);
        Self {
            blocks: blocks.map(str::to_owned).collect(),
            out,
        }
    }

    /// The commands that it begins with, `make example-NAME`, with what has been built as it is.
    pub fn makes(&self) -> Vec<Command> {
        let lines = self.blocks[0].lines();
        let makes = lines.map(|line| {
            let line = line.split_once('#').map_or(line, |(command, _)| command);
            let goal = line.strip_prefix("make ").expect("a goal").trim();
            let mut make = Command::new("make");
            make.current_dir(example("..")).env_remove("MAKEFLAGS");
            // What make says of its own is not shown.
            make.args(["--silent", "--no-print-directory", goal]);
            make.arg(format!("OUT={}", self.out));
            // To make, a file is what it is called: the folder is that of the files below.
            let first = target(BUILT[0]);
            let folder = first.parent().expect("a folder");
            make.arg(format!("TARGET={}", folder.display()));
            for built in BUILT {
                make.arg("-o").arg(target(built));
            }
            make.arg("CARGO=true").env("PORT", "0");
            make
        });
        makes.collect()
    }

    /// Its one such command.
    pub fn make(&self) -> Command {
        let [make] = <[Command; 1]>::try_from(self.makes()).expect("one command");
        make
    }

    /// Is that all that was printed? `…` stands for anything, alone also for lines.
    pub fn shows(&self, printed: &str) {
        let mut lines = printed.lines();
        let mut left_out = false;
        for shown in self.blocks[1].lines() {
            if shown != "…" {
                let mut upto = lines.by_ref().take(if left_out { usize::MAX } else { 1 });
                let found = upto.any(|line| fits(line, shown));
                assert!(found, "{shown} in: {printed}");
            }
            left_out = shown == "…";
        }
        assert!(left_out || lines.next().is_none(), "more in: {printed}");
    }

    /// What it asks a server by curl. Returns the answers.
    pub fn asks(&self, server: &Server) -> Vec<String> {
        let commands = self
            .blocks
            .iter()
            .filter(|block| block.starts_with("curl "));
        let answers = commands.map(|command| {
            let command = command.replace("http://localhost:8787", &server.url());
            let command = command.replacen("curl ", "curl -sSf ", 1);
            let mut shell = Command::new("sh");
            succeed(shell.args(["-c", &command]).env("TOKEN", server.token()))
        });
        answers.collect()
    }
}

/// `…` stands for anything.
fn fits(line: &str, shown: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else {
        return line == shown;
    };
    line.strip_prefix(start).is_some_and(|line| {
        let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        ends.any(|at| fits(&line[at..], rest))
    })
}

/// A test must not build what others are using.
const BUILT: [&str; 3] = [
    "ceralacca.component.wasm",
    "ceralacca.extism.wasm",
    "npm/package.json",
];
