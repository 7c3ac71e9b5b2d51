//! Hosts of the faces. Foreign ones are a program each, which gets a folder of calls and leaves the
//! answers beside them; `make install-test-tools` installs what they run on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ceralacca::Fault;
use ceralacca::values::Value;

use super::own_host;
use super::value::{plain, read, wit};

/// The faces, and the core itself behind their translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Core,
    Extism,
    JavaScript,
    Component,
}

/// One host of one face.
pub struct Host {
    /// For people.
    pub name: &'static str,
    /// What runs which program of `tests/faces/hosts`; none: our own, which is linked.
    pub script: Option<(&'static str, &'static str)>,
    /// What it loads, in the folder of [`modules`].
    pub module: &'static str,
    /// How to make that.
    pub made_by: &'static str,
    /// What it is a host of.
    pub face: Face,
    /// Can it be told how much memory an instance may have?
    pub bounds: bool,
    /// What a call's result looks like there.
    pub says: fn(&Result<Value, Fault>) -> Value,
}

/// All of them.
pub const HOSTS: [Host; 10] = [
    Host {
        name: "the component in our own host",
        script: None,
        module: "ceralacca.component.wasm",
        made_by: "make component",
        face: Face::Component,
        // A trap costs one conversation there and no instance: `component.rs` of the host looks at that.
        bounds: false,
        says: wit,
    },
    Host {
        name: "Extism in Python",
        script: Some(("python", "extism_host.py")),
        module: "ceralacca.extism.wasm",
        made_by: "make extism",
        face: Face::Extism,
        bounds: true,
        says: plain,
    },
    Host {
        name: "Extism in Node",
        script: Some(("node", "extism_host.mjs")),
        module: "ceralacca.extism.wasm",
        made_by: "make extism",
        face: Face::Extism,
        bounds: true,
        says: plain,
    },
    IN_NODE,
    Host {
        name: "the npm package in Deno",
        script: Some(("deno", "npm_host.mjs")),
        // What traps, and how large the module becomes, Node tells.
        bounds: false,
        ..IN_NODE
    },
    Host {
        name: "the npm package in Bun",
        script: Some(("bun", "npm_host.mjs")),
        bounds: false,
        ..IN_NODE
    },
    Host {
        name: "the npm package in Chromium",
        script: Some(("chromium", "browser_host.mjs")),
        ..IN_NODE
    },
    Host {
        name: "the npm package in workerd",
        script: Some(("workerd", "workerd_host.mjs")),
        bounds: false,
        ..IN_NODE
    },
    Host {
        name: "the component, transpiled by jco, in Node",
        script: Some(("node", "jco_host.mjs")),
        module: "ceralacca.component.wasm",
        made_by: "make component",
        face: Face::Component,
        bounds: true,
        says: wit,
    },
    Host {
        name: "the component on wasmtime in Python",
        script: Some(("python", "wasmtime_host.py")),
        module: "ceralacca.component.wasm",
        made_by: "make component",
        face: Face::Component,
        bounds: true,
        says: wit,
    },
];

const IN_NODE: Host = Host {
    name: "the npm package in Node",
    script: Some(("node", "npm_host.mjs")),
    module: "npm",
    made_by: "make npm",
    face: Face::JavaScript,
    bounds: true,
    says: plain,
};

impl Host {
    /// The answers to these calls, in a folder that is there only for them. None where the program, or
    /// its module, is not here.
    pub fn answer<'a>(
        &self,
        folder: &Path,
        calls: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Option<Vec<Value>> {
        let Some(script) = self.script else {
            return is_made(self.module, self.made_by).then(|| own_host::answer(calls));
        };
        fs::create_dir(folder).expect("a folder");
        let mut count = 0;
        for (number, (function, frame)) in calls.enumerate() {
            fs::write(folder.join(format!("{number:04}.{function}")), frame).expect("a file");
            count += 1;
        }
        let ran = self.run(script, folder);
        let answer = |number| {
            let file = folder.join(format!("{number:04}.answer"));
            read(fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())))
        };
        let answers = ran.map(|()| (0..count).map(answer).collect());
        fs::remove_dir_all(folder).expect("a folder");
        answers
    }

    /// Runs the program on a folder of calls. None where it, or its module, is not here.
    fn run(&self, (runtime, program): (&str, &str), calls: &Path) -> Option<()> {
        if !installed(self.module, self.made_by) {
            return None;
        }
        let tools = target().join("tools/hosts");
        let program_of = |example: &str| {
            let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
            let program = examples
                .join(example)
                .join("node_modules/.bin")
                .join(runtime);
            let here = program.exists() || missing(&format!("{} (npm ci)", program.display()));
            here.then_some(program)
        };
        let mut command = match runtime {
            "python" => Command::new(tools.join("bin/python")),
            "deno" | "bun" => Command::new(program_of("deno")?),
            // Node leads these.
            "workerd" => Command::new("node"),
            "chromium" if !chromium() => return None,
            "chromium" => Command::new("node"),
            other => Command::new(other),
        };
        if runtime == "deno" {
            command.args(["run", "--quiet", "--allow-all"]);
        }
        let module = modules().join(self.module);
        command.arg(script(program)).arg(&tools);
        command.arg(module).arg(calls);
        if runtime == "workerd" {
            command.arg(program_of("worker")?);
        }
        let output = command.output().expect("the host runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", self.name);
        Some(())
    }
}

/// Is the browser here, where `chromium.mjs` will look for it?
pub fn chromium() -> bool {
    let browser = std::env::var_os("CHROMIUM").unwrap_or("/usr/bin/chromium".into());
    Path::new(&browser).exists() || missing(&browser.to_string_lossy())
}

/// Are the module and the foreign hosts here?
pub fn installed(module: &str, made_by: &str) -> bool {
    let tools = target().join("tools/hosts/installed");
    is_made(module, made_by)
        && (tools.exists() || missing("target/tools/hosts (make install-test-tools)"))
}

fn is_made(module: &str, by: &str) -> bool {
    modules().join(module).exists() || missing(&format!("{module} ({by})"))
}

/// A program of `tests/faces/hosts`.
pub fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faces/hosts");
    folder.join(name)
}

/// Where the modules are: as built, or where `CERALACCA_MODULES` says, as `make sizes` leaves them.
pub fn modules() -> PathBuf {
    std::env::var_os("CERALACCA_MODULES").map_or_else(target, PathBuf::from)
}

/// Where everything is built.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

/// Says so, or fails where nothing may be missing.
pub fn missing(what: &str) -> bool {
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{what} not found"
    );
    println!("skipped: {what} not found");
    false
}
