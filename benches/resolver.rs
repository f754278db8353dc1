//! The resolver on Debian's whole index, beside libsolv on the same requests: `cargo bench --bench resolver`.
//!
//! `AMBAR_BENCH_PACKAGES` names a `Packages` file, packed or not (of bookworm's main, where the names in
//! `benches/data` are from), and `AMBAR_BENCH_NEWER` one of a later release. Every time is CPU time, the least of
//! 15 runs, on one thread. Memory is the largest resident set of a process that opens the compiled index and solves
//! every request. libsolv's side is `benches/peers/libsolv.c`; without a C compiler or the library its cells say so.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ambar::pkgfmt::Limits;
use ambar::pkgfmt::deb::index::PackagesIndex;
use ambar::resolver::{
    Answer, Builder, Installed, Job, Policy, Request, Selector, SharedBytes, Universe, Verb, World, solve,
};
use ambar::universe::debian;
use rustix::time::{ClockId, clock_gettime};

const RUNS: usize = 15;
const ARCH: &str = "amd64";

/// CPU time of this process in microseconds.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// The least CPU time of `runs` calls, and what the last one gave.
fn least<T>(runs: usize, mut call: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..runs {
        drop(last.take());
        let start = now();
        let given = call();
        best = best.min(now() - start);
        last = Some(given);
    }
    (best, last.unwrap())
}

/// The largest resident set of this process so far, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Takes the packages of an index.
fn fill(index: &PackagesIndex) -> Builder {
    let mut builder = Builder::new();
    let repository = debian::Repository { name: "main", priority: 0 };
    let added = debian::add(&mut builder, index, repository, ARCH);
    for refusal in &added.refused {
        eprintln!("left out: {refusal}");
    }
    builder
}

/// A compiled index.
fn compile(index: &PackagesIndex) -> Vec<u8> {
    fill(index).finish().unwrap()
}

#[allow(unsafe_code)]
fn mapped(path: &Path) -> SharedBytes {
    let file = fs::File::open(path).unwrap();
    // SAFETY: the file is this program's own, and nobody changes it while it is mapped.
    let map = unsafe { memmap2::Mmap::map(&file).unwrap() };
    Arc::new(map)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// One line of a file of requests: a label, a verb, names.
struct Asked<'a> {
    label: &'a str,
    upgrade: bool,
    names: Vec<&'a str>,
}

fn asked(text: &str) -> Vec<Asked<'_>> {
    let parse = |line| {
        let mut words = str::split(line, '\t');
        let label = words.next().unwrap();
        Asked { label, upgrade: words.next() == Some("upgrade"), names: words.collect() }
    };
    lines(text).into_iter().map(parse).collect()
}

/// Told by whoever did the work: label, then what was measured by name.
type Row = BTreeMap<String, String>;

fn row(line: &str) -> (String, Row) {
    let mut words = line.split('\t');
    let label = words.next().unwrap_or_default().to_owned();
    let mut row = Row::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => row.insert(name.to_owned(), value.to_owned()),
            None => row.insert("status".to_owned(), word.to_owned()),
        };
    }
    (label, row)
}

fn rows(text: &str) -> BTreeMap<String, Row> {
    text.lines().map(row).collect()
}

/// Opens a compiled index, solves each request, and prints what that took: run as a process of its own.
fn solve_all(index: &Path, requests: &Path, installed: Option<&Path>) {
    let text = fs::read_to_string(requests).unwrap();
    let (open, universe) = least(RUNS, || Universe::open(mapped(index)).unwrap());
    let installed = installed.map(|path| Universe::open(mapped(path)).unwrap());
    let mut parts = vec![&universe];
    parts.extend(&installed);
    let there: Vec<(usize, u32, Installed)> = installed
        .iter()
        .flat_map(|universe| 0..universe.len())
        .map(|package| (1, package, Installed::default()))
        .collect();
    let (join, world) = least(RUNS, || World::new(&parts, &there));
    println!(
        "open\topen_us={open:.0}\tworld_us={join:.0}\tpackages={}\tpeak_kib={}",
        universe.len(),
        peak_kib()
    );
    for asked in asked(&text) {
        let mut jobs: Vec<Job> = asked
            .names
            .iter()
            .map(|name| Job::new(Verb::Install, Selector::named(name, &[]), *name))
            .collect();
        if asked.upgrade {
            jobs.push(Job::new(Verb::Upgrade, Selector::Installed, "everything"));
        }
        let policy = Policy { recommends: asked.upgrade, removals: asked.upgrade, ..Policy::default() };
        let request = Request { jobs, policy };
        let (took, answer) = least(RUNS, || solve(&world, &request));
        match answer {
            Answer::Solved(solution) => println!(
                "{}\tsolved\tsolve_us={took:.0}\tnew={}\tgone={}\tsteps={}\tproven={}\teffort={}\tcost={:?}",
                asked.label,
                solution.new.len(),
                solution.gone.len(),
                solution.steps.len(),
                solution.proven,
                solution.effort,
                solution.cost,
            ),
            Answer::Impossible(_) => println!("{}\tunsolvable\tsolve_us={took:.0}", asked.label),
            Answer::Budget => println!("{}\tbudget\tsolve_us={took:.0}", asked.label),
        }
    }
    println!("end\tpeak_kib={}", peak_kib());
}

/// What a program prints, or nothing when it cannot be run or fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program that has libsolv do the same.
fn peer(directory: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/libsolv.c");
    let program = directory.join("libsolv");
    let flags = ["-O2", "-o"];
    output(Command::new("cc").args(flags).arg(&program).arg(source).args(["-lsolvext", "-lsolv"]))?;
    Some(program)
}

/// The stanzas of those names, as an index.
fn only(index: &PackagesIndex, names: &str) -> String {
    let names: HashSet<&str> = lines(names).into_iter().collect();
    let mut text = String::new();
    for stanza in index.stanzas().map(Result::unwrap).filter(|stanza| names.contains(stanza.package())) {
        text.push_str(&String::from_utf8_lossy(stanza.text()));
        text.push_str("\n\n");
    }
    text
}

fn milliseconds(row: Option<&Row>, names: &[&str]) -> Option<f64> {
    let row = row?;
    names.iter().map(|name| row.get(*name)?.parse::<f64>().ok()).sum::<Option<f64>>().map(|sum| sum / 1e3)
}

fn print(what: &str, peer: Option<f64>, ours: Option<f64>, unit: &str, note: &str) {
    let cell = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2} {unit}"));
    let ratio = peer.zip(ours).map_or("-".into(), |(peer, ours)| format!("{:.1}", peer / ours));
    println!("| {what} | {} | {} | {ratio} | {note} |", cell(peer), cell(ours));
}

fn main() {
    let arguments: Vec<PathBuf> =
        std::env::args_os().skip(1).filter(|word| word != "--bench").map(PathBuf::from).collect();
    if let [verb, index, requests, installed @ ..] = &arguments[..]
        && verb.as_os_str() == "solve"
    {
        return solve_all(index, requests, installed.first().map(PathBuf::as_path));
    }
    if let [verb, packages] = &arguments[..]
        && verb.as_os_str() == "compile"
    {
        let index = PackagesIndex::open(packages, &Limits::default()).unwrap();
        let (scan, _) = least(RUNS, || index.stanzas().filter(Result::is_ok).count());
        let (fill, _) = least(RUNS, || fill(&index));
        let (all, bytes) = least(RUNS, || compile(&index));
        println!("scan {scan:.0} us, fill {fill:.0}, compile {all:.0}, {} bytes", bytes.len());
        return;
    }
    let Some(packages) = std::env::var_os("AMBAR_BENCH_PACKAGES").map(PathBuf::from) else {
        println!("skipped: AMBAR_BENCH_PACKAGES names no Packages file");
        return;
    };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("resolver");
    fs::create_dir_all(&directory).unwrap();
    let peer = peer(&directory);
    if peer.is_none() {
        println!("libsolv is absent: this needs cc, libsolv-dev and libsolvext-dev");
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/data");
    let names = |file: &str| fs::read_to_string(data.join(file)).unwrap();
    let random = lines(&names("random-200.txt")).join("\t");
    let requests = directory.join("requests");
    let text = format!(
        "build-essential\tinstall\tbuild-essential\n\
         gnome\tinstall\tgnome\n\
         200 random\tinstall\t{random}\n\
         unsatisfiable\tinstall\tgnome\tsysvinit-core\tsystemd-sysv\n"
    );
    fs::write(&requests, text).unwrap();

    let index = PackagesIndex::open(&packages, &Limits::default()).unwrap();
    let plain = directory.join("Packages");
    fs::write(&plain, index.text()).unwrap();
    let (parse, stanzas) = least(RUNS, || index.stanzas().filter(Result::is_ok).count());
    let (compiled, bytes) = least(RUNS, || compile(&index));
    let universe = directory.join("universe");
    fs::write(&universe, &bytes).unwrap();
    println!("{stanzas} packages, {} bytes of text, {} compiled\n", index.text().len(), bytes.len());
    drop(bytes);

    let own = std::env::current_exe().unwrap();
    let run = |command: &mut Command| output(command).map(|text| rows(&text)).unwrap_or_default();
    let ours = run(Command::new(&own).arg("solve").args([&universe, &requests]));
    let mut theirs = BTreeMap::new();
    let mut cached = BTreeMap::new();
    if let Some(peer) = &peer {
        theirs = run(Command::new(peer).arg("solve").args([&plain, &requests]));
        let solv = directory.join("index.solv");
        output(Command::new(peer).arg("compile").args([&plain, &solv]));
        cached = run(Command::new(peer).arg("solve").args([&solv, &requests]));
    }
    println!("| what | libsolv | ours | ratio | |\n| --- | --- | --- | --- | --- |");
    let load = ["load_us", "whatprovides_us"];
    print("text scanned", None, Some(parse / 1e3), "ms", "");
    print("compile from text", milliseconds(theirs.get("load"), &load), Some(compiled / 1e3), "ms", "");
    let opened = milliseconds(ours.get("open"), &["open_us", "world_us"]);
    print("open compiled", milliseconds(cached.get("load"), &load), opened, "ms", "");
    for asked in asked(&fs::read_to_string(&requests).unwrap()) {
        compare(asked.label, &theirs, &ours);
    }
    let peak = |rows: &BTreeMap<String, Row>| milliseconds(rows.get("end"), &["peak_kib"]);
    print("peak memory, opened", peak(&cached), peak(&ours), "MB", "");

    if let Some(newer) = std::env::var_os("AMBAR_BENCH_NEWER").map(PathBuf::from) {
        upgrade(&directory, &only(&index, &names("desktop.txt")), &newer, peer.as_deref());
    } else {
        println!("\nskipped: AMBAR_BENCH_NEWER names no Packages file of a later release");
    }
}

/// Everything that is installed goes to the newer release.
fn upgrade(directory: &Path, installed: &str, newer: &Path, peer: Option<&Path>) {
    let [old_text, new_text, old, new, requests] =
        ["installed-Packages", "newer-Packages", "installed", "newer", "upgrade"]
            .map(|name| directory.join(name));
    fs::write(&old_text, installed).unwrap();
    let index = PackagesIndex::open(newer, &Limits::default()).unwrap();
    fs::write(&new_text, index.text()).unwrap();
    fs::write(&new, compile(&index)).unwrap();
    let count = installed.matches("\nVersion: ").count();
    let installed = PackagesIndex::read(Arc::new(installed.to_owned()), &Limits::default()).unwrap();
    fs::write(&old, compile(&installed)).unwrap();
    let label = format!("upgrade of {count}");
    fs::write(&requests, format!("{label}\tupgrade\n")).unwrap();
    let own = std::env::current_exe().unwrap();
    let run = |command: &mut Command| output(command).map(|text| rows(&text)).unwrap_or_default();
    let ours = run(Command::new(own).arg("solve").args([&new, &requests, &old]));
    let theirs = peer.map_or_else(BTreeMap::new, |peer| {
        run(Command::new(peer).arg("solve").args([&new_text, &requests, &old_text]))
    });
    compare(&label, &theirs, &ours);
}

fn compare(label: &str, theirs: &BTreeMap<String, Row>, ours: &BTreeMap<String, Row>) {
    let (their, our) = (theirs.get(label), ours.get(label));
    let solved = milliseconds(their, &["solve_us", "order_us"]).or(milliseconds(their, &["explain_us"]));
    let told = |row: Option<&Row>, names: &[&str]| {
        let words = names.iter().filter_map(|name| Some(format!("{name} {}", row?.get(*name)?)));
        words.collect::<Vec<_>>().join(", ")
    };
    let note = format!(
        "libsolv: {}; ours: {}",
        told(their, &["status", "solve_us", "order_us", "steps", "problems"]),
        told(our, &["status", "new", "gone", "steps", "proven", "effort", "cost"]),
    );
    print(label, solved, milliseconds(our, &["solve_us"]), "ms", &note);
}
