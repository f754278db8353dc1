//! One binary for all fuzz targets: the environment variable `FUZZ_TARGET` says which one runs.
//!
//! `fuzz/run` builds and starts it, `README.md` says how a target is added. A target is a function of any bytes;
//! it panics where a reader breaks a promise, and returns where it refuses or reads.
#![no_main]

mod deb;
mod documents;
mod entropy;
mod lzma;
mod mend;
mod model;
mod native;
mod package;
mod pisi;
mod tarball;

use std::sync::OnceLock;

/// Takes any bytes; a panic is a finding.
type Target = fn(&[u8]);

/// Every target by its name, which is that of its folder under `corpus/`, too.
const TARGETS: &[(&str, Target)] = &[
    ("manifest", model::manifest),
    ("translations", model::translations),
    ("versions", model::versions),
    ("path", model::path),
    ("filename", model::filename),
    ("relations", model::relations),
    ("keys", model::keys),
    ("metadata_xml", documents::metadata_xml),
    ("files_xml", documents::files_xml),
    ("tarball", tarball::tarball),
    ("lzma", lzma::lzma),
    ("pisi", pisi::file),
    ("pisi_parts", pisi::parts),
    ("pisi_delta", pisi::delta),
    ("ambar", native::file),
    ("ambar_parts", native::parts),
    ("ambar_delta", native::delta),
    ("deb", deb::file),
    ("deb_control", deb::control),
    ("deb_index", deb::index),
    ("deb_parts", deb::parts),
    ("tbz2", entropy::file),
    ("tbz2_depend", entropy::depend),
    ("tbz2_parts", entropy::parts),
];

/// No target: makes seeds of `ambar_delta` for `fuzz/seed`.
const MAKE_DELTAS: (&str, Target) = ("make_deltas", package::make_deltas);

static TARGET: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().chain([&MAKE_DELTAS]).find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is '{name}' and must be one of {}", names())).1
}

fn names() -> String {
    TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

/// A panic ends the process, as libfuzzer-sys has it, except in the thread of lzma-rs, where the reader takes it
/// for damage.
fn let_lzma_rs_panic() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some("lzma") {
            abort(info);
        }
    }));
}

libfuzzer_sys::fuzz_target!(
    init: {
        let_lzma_rs_panic();
        TARGET.get_or_init(chosen);
    },
    |data: &[u8]| {
        TARGET.get_or_init(chosen)(data);
    }
);
