//! A transaction that is killed at any moment leaves the old generation or the new one, and the next one puts
//! everything right; one that is cancelled leaves nothing at all.
//!
//! The transactions to be killed run in child processes: this very program, told by the environment what to
//! do. Most kill themselves at a step of the protocol; some are killed at a system call by `strace`, and some
//! just at any time.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ambar::{Class, Event, Observer, Options, OsPath, Request, Root, Silent, Step};
use common::*;
use rustix::process::{Pid, Signal, getpid, kill_process};

const ROOT: &str = "AMBAR_TEST_ROOT";
const REQUEST: &str = "AMBAR_TEST_REQUEST";
const DIE_AT: &str = "AMBAR_TEST_DIE_AT";
const TRACE: &str = "AMBAR_TEST_TRACE";
/// System calls that change something on disk. Opening is not among them: a file that was made and not yet
/// written is what the next of these calls finds.
const CHANGES: &str = "write,pwrite64,fsync,fdatasync,syncfs,symlinkat,linkat,renameat,renameat2,unlinkat,\
                       mkdirat,fchmod,fchmodat,fchown,ftruncate,utimensat";
const SIGKILL: i32 = 9;

/// Kills this process at the nth event of one kind.
struct Killer {
    step: String,
    left: AtomicUsize,
}

impl Observer for Killer {
    fn event(&self, event: Event<'_>) {
        let Event::Step(step) = event else { return };
        // The name of the step as an argument of a system call, for `strace` to show.
        drop(std::fs::metadata(format!("/step/{step:?}")));
        if format!("{step:?}") == self.step && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    }
}

/// Not a test: what the children do.
#[test]
#[ignore = "runs in the child processes of the other tests"]
fn child_transaction() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let request: Request = serde_json::from_str(&std::env::var(REQUEST).unwrap()).unwrap();
    let die_at = std::env::var(DIE_AT).unwrap_or_default();
    let (step, count) = die_at.split_once(':').unwrap_or(("never", "1"));
    let killer = Killer { step: step.into(), left: AtomicUsize::new(count.parse().unwrap()) };
    let root = Root::open(root.as_ref()).unwrap();
    let plan = root.plan(request).unwrap();
    let tracer = std::env::var(TRACE).ok().map(|arguments| Tracer::of_this_thread(&arguments));
    root.execute(&plan, &killer).unwrap();
    drop(tracer);
}

/// `strace`, attached to the thread that made it, until it is dropped.
struct Tracer(Child);

impl Tracer {
    fn of_this_thread(arguments: &str) -> Tracer {
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let mut command = Command::new("strace");
        command.args(["-qq", "-p", &thread.to_string()]).args(arguments.split(' '));
        let mut tracer = Tracer(command.stderr(Stdio::null()).spawn().unwrap());
        let status = format!("/proc/self/task/{thread}/status");
        while std::fs::read_to_string(&status).unwrap().contains("TracerPid:\t0\n") {
            assert!(tracer.0.try_wait().unwrap().is_none(), "strace cannot attach");
            std::thread::sleep(Duration::from_millis(1));
        }
        tracer
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Asked to, it detaches; killed, it would leave this process stopped.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

fn child(root: &Path, request: &Request, die_at: &str) -> Command {
    let mut command = child_test("child_transaction");
    command
        .env(ROOT, root)
        .env(REQUEST, serde_json::to_string(request).unwrap())
        .env(DIE_AT, die_at)
        .env("RUST_BACKTRACE", "0");
    command
}

/// Whether a child was killed; one that ended well had fewer events than wanted. Nothing else may happen.
fn was_killed(status: ExitStatus) -> bool {
    let killed = status.signal() == Some(SIGKILL);
    assert!(killed || status.success(), "the child failed: {status}");
    killed
}

fn packages() -> Packages {
    let dir = memory_dir();
    let old = vec![build::many(1).write(dir.path()), example(HELLO_1), example(LIB_1), example(CONFIG)];
    let new = vec![build::many(2).write(dir.path()), example(HELLO_2), example(LIB_2)];
    Packages { dir, old, new }
}

fn install_request(files: &[PathBuf]) -> Request {
    let files = files.iter().cloned().map(OsPath).collect();
    Request::install(files, ignoring())
}

fn ignoring() -> Options {
    Options { ignore_dependency: true, ..Options::default() }
}

/// A kind of transaction: what there is before, and what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FirstInstall,
    Upgrade,
    Rollback,
}

const KINDS: [Kind; 3] = [Kind::FirstInstall, Kind::Upgrade, Kind::Rollback];

impl Kind {
    fn prepare(self, packages: &Packages, root: &Root) {
        if self == Kind::FirstInstall {
            return;
        }
        install(root, &packages.old).unwrap();
        std::fs::write(root.path().join("etc/hostname"), "here\n").unwrap();
        if self == Kind::Rollback {
            install(root, &packages.new).unwrap();
        }
    }

    fn request(self, packages: &Packages) -> Request {
        match self {
            Kind::FirstInstall => install_request(&packages.old),
            Kind::Upgrade => install_request(&packages.new),
            Kind::Rollback => Request::Activate { generation: Some(1) },
        }
    }
}

/// What a root shows, all of it, and what it keeps.
#[derive(Debug, PartialEq, Eq)]
struct State {
    live: Option<View>,
    packages: Vec<String>,
}

impl State {
    fn of(path: &Path) -> State {
        let root = Root::open(path).unwrap();
        let packages = root.packages().unwrap();
        let live = path.join(".ambar/current").is_symlink().then(|| live_tree(path));
        let packages = packages.iter().map(|package| format!("{} {}", package.name, package.full_version()));
        State { live, packages: packages.collect() }
    }
}

/// Everything that the same operations leave, however often they were killed.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    view: View,
    objects: BTreeSet<PathBuf>,
    cache: BTreeSet<PathBuf>,
    ambar: BTreeSet<PathBuf>,
    generations: Vec<(Vec<String>, bool)>,
}

impl Kept {
    fn of(root: &Root) -> Kept {
        let ambar = root.path().join(".ambar");
        let names = |dir: &Path| -> BTreeSet<PathBuf> {
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into()).collect()
        };
        for dir in ["work", "trash"] {
            assert_eq!(names(&ambar.join(dir)), BTreeSet::new(), "{dir} is empty");
        }
        let numbers: BTreeSet<PathBuf> =
            root.generations().unwrap().iter().map(|known| known.number.to_string().into()).collect();
        assert_eq!(names(&ambar.join("records")), numbers, "records are of generations");
        assert_eq!(names(&ambar.join("generations")), numbers, "trees are of generations");
        let generations =
            root.generations().unwrap().iter().map(|g| (vec![g.cause.clone()], g.live)).collect();
        let (objects, cache) = (object_names(&ambar), names(&ambar.join("cache")));
        Kept { view: view(root.path()), objects, cache, ambar: names(&ambar), generations }
    }
}

/// The request once more, and then another one: whatever was left half done is put right.
fn go_on(root: &Root, request: &Request) -> Kept {
    let plan = root.plan(request.clone()).unwrap();
    root.execute(&plan, &Silent).unwrap();
    let outcome = remove(root, &["hello"]).unwrap();
    assert_eq!(outcome.pending, Vec::<String>::new());
    verified(root);
    Kept::of(root)
}

/// What must be so whenever a transaction of one kind was killed.
struct Expected {
    old: State,
    new: State,
    kept: Kept,
}

impl Expected {
    fn of(kind: Kind, packages: &Packages) -> Expected {
        let dir = memory_dir();
        let path = dir.path().join("root");
        let root = Root::open(&path).unwrap();
        kind.prepare(packages, &root);
        let old = State::of(&path);
        let plan = root.plan(kind.request(packages)).unwrap();
        root.execute(&plan, &Silent).unwrap();
        let new = State::of(&path);
        assert_ne!(old, new);
        Expected { old, new, kept: go_on(&root, &kind.request(packages)) }
    }

    /// Looks at a root whose writer was killed, and goes on. Says whether the new generation was live.
    fn check(&self, path: &Path, request: &Request, what: &str) -> bool {
        // Readers come first: they must find their way before any writer has put things right.
        let found = State::of(path);
        let is_new = found == self.new;
        assert!(is_new || found == self.old, "{what}: neither old nor new: {:?}", found.packages);
        let root = Root::open(path).unwrap();
        let generations = root.generations().unwrap();
        assert_eq!(generations.iter().filter(|known| known.live).count(), usize::from(found.live.is_some()));
        let kept = go_on(&root, request);
        let differing: Vec<&PathBuf> = kept.objects.symmetric_difference(&self.kept.objects).collect();
        assert!(differing.is_empty(), "{what}: objects that only one of the two has: {differing:?}");
        assert_eq!(kept.ambar, self.kept.ambar, "{what}");
        assert_eq!(kept.generations, self.kept.generations, "{what}");
        assert_eq!(kept.cache, self.kept.cache, "{what}");
        same_view(&kept.view, &self.kept.view, what);
        is_new
    }
}

/// At most twenty of the positions below `length`, evenly.
fn twenty(length: usize) -> impl Iterator<Item = usize> {
    let count = length.min(20);
    (0..count).map(move |number| number * length / count)
}

/// Kills transactions of one kind at up to twenty events of each step, spread over those that there are.
fn kill_at_each_step(kind: Kind, steps: &[(Step, usize)]) {
    let packages = packages();
    let expected = Expected::of(kind, &packages);
    let request = kind.request(&packages);
    let mut moments = 0;
    for &(step, events) in steps {
        for count in twenty(events).map(|event| event + 1) {
            let dir = memory_dir();
            let path = dir.path().join("root");
            kind.prepare(&packages, &Root::open(&path).unwrap());
            let die_at = format!("{step:?}:{count}");
            let what = format!("{kind:?} killed at {die_at}");
            let killed = was_killed(Running::start(&mut child(&path, &request, &die_at)).end());
            assert!(killed, "{what}: it never came to that");
            let is_new = expected.check(&path, &request, &what);
            assert_eq!(is_new, step >= Step::Switched, "{what}");
            moments += 1;
        }
    }
    println!("{kind:?}: killed at {moments} moments");
}

/// A change on disk that the committing thread makes: the nth call of a system call.
type Change = (String, usize);

/// The changes that follow each step of a transaction in a root that `prepare` makes.
fn changes_by_step(prepare: &dyn Fn(&Path), request: &Request) -> Option<BTreeMap<String, Vec<Change>>> {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("skipped: no strace");
        return None;
    }
    let dir = memory_dir();
    let (path, log) = (dir.path().join("root"), dir.path().join("log"));
    prepare(&path);
    let trace = format!("-o {} -e trace={CHANGES},statx", log.display());
    let status = Running::start(child(&path, request, "").env(TRACE, trace)).end();
    if !status.success() {
        println!("skipped: strace cannot attach");
        return None;
    }
    let mut steps: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut step = String::from("Start");
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let Some((call, _)) = line.split_once('(') else { continue };
        if let Some((_, rest)) = line.split_once("\"/step/") {
            step = rest.split('"').next().unwrap().into();
        } else if CHANGES.split(',').any(|known| known == call) {
            let count = counts.entry(call.into()).or_default();
            *count += 1;
            steps.entry(step.clone()).or_default().push((call.into(), *count));
        }
    }
    assert!(steps.contains_key("Synced"), "{steps:?}");
    Some(steps)
}

/// Kills transactions of one kind just before a change on disk, at up to twenty of them after each step.
fn kill_between_steps(kind: Kind) {
    let packages = packages();
    let request = kind.request(&packages);
    let prepare = |path: &Path| kind.prepare(&packages, &Root::open(path).unwrap());
    let Some(steps) = changes_by_step(&prepare, &request) else { return };
    let expected = Expected::of(kind, &packages);
    let (mut moments, mut new) = (0, 0);
    for (step, changes) in &steps {
        for (call, count) in twenty(changes.len()).map(|change| &changes[change]) {
            let dir = memory_dir();
            let path = dir.path().join("root");
            prepare(&path);
            let what = format!("{kind:?} killed after {step}, before {call} {count} of {changes:?}");
            moments += usize::from(kill_before(&path, &request, call, *count));
            new += usize::from(expected.check(&path, &request, &what));
        }
    }
    let counts: BTreeMap<&str, usize> = steps.iter().map(|(step, all)| (step.as_str(), all.len())).collect();
    println!("{kind:?}: killed at {moments} moments, {new} times the new one was live; changes: {counts:?}");
    assert!(new > 0 && new < moments);
}

/// Runs a transaction that is killed just before the nth call of a system call; says whether it came to that.
fn kill_before(path: &Path, request: &Request, call: &str, count: usize) -> bool {
    let trace = format!("-o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={count}");
    was_killed(Running::start(child(path, request, "").env(TRACE, trace)).end())
}

#[test]
fn recovery_that_is_killed_is_recovered_from() {
    let packages = packages();
    let mut moments = 0;
    let deaths =
        ["Object:30", "TreeEntry:30", "Named:1", "Committed:1", "Switched:1"].map(|at| (Kind::Upgrade, at));
    for (kind, die_at) in deaths.into_iter().chain([(Kind::FirstInstall, "Committed:1")]) {
        let request = kind.request(&packages);
        let expected = Expected::of(kind, &packages);
        let prepare = |path: &Path| {
            kind.prepare(&packages, &Root::open(path).unwrap());
            assert!(was_killed(Running::start(&mut child(path, &request, die_at)).end()));
        };
        // What comes before the first step is recovery. After a switch nothing is left to install, so it
        // is the removal of something else that recovers.
        let next = match die_at {
            "Switched:1" => Request::Remove { names: vec!["hello".into()], options: ignoring() },
            _ => request.clone(),
        };
        let Some(steps) = changes_by_step(&prepare, &next) else { return };
        let recovery = &steps["Start"];
        for (call, count) in twenty(recovery.len()).map(|change| &recovery[change]) {
            let dir = memory_dir();
            let path = dir.path().join("root");
            prepare(&path);
            let what = format!("{kind:?} killed at {die_at}, recovery before {call} {count} of {recovery:?}");
            moments += usize::from(kill_before(&path, &next, call, *count));
            let is_new = expected.check(&path, &request, &what);
            assert_eq!(is_new, die_at == "Switched:1", "{what}");
        }
    }
    println!("recovery killed at {moments} moments");
    assert!(moments >= 60);
}

#[test]
fn a_first_installation_killed_between_steps_happened_or_did_not() {
    kill_between_steps(Kind::FirstInstall);
}

#[test]
fn an_upgrade_killed_between_steps_happened_or_did_not() {
    kill_between_steps(Kind::Upgrade);
}

#[test]
fn a_rollback_killed_between_steps_happened_or_did_not() {
    kill_between_steps(Kind::Rollback);
}

/// Counts the events of each step of a transaction.
#[derive(Default)]
struct Counter(std::sync::Mutex<BTreeMap<Step, usize>>);

impl Observer for Counter {
    fn event(&self, event: Event<'_>) {
        if let Event::Step(step) = event {
            *self.0.lock().unwrap().entry(step).or_default() += 1;
        }
    }
}

fn steps_of(kind: Kind) -> Vec<(Step, usize)> {
    let packages = packages();
    let dir = memory_dir();
    let root = Root::open(&dir.path().join("root")).unwrap();
    kind.prepare(&packages, &root);
    let counter = Counter::default();
    let plan = root.plan(kind.request(&packages)).unwrap();
    root.execute(&plan, &counter).unwrap();
    let steps: Vec<(Step, usize)> = counter.0.into_inner().unwrap().into_iter().collect();
    println!("{kind:?}: {steps:?}");
    steps
}

#[test]
fn a_first_installation_killed_at_any_step_happened_or_did_not() {
    let steps = steps_of(Kind::FirstInstall);
    assert_eq!(steps.len(), 13, "every step of the protocol");
    kill_at_each_step(Kind::FirstInstall, &steps);
}

#[test]
fn an_upgrade_killed_at_any_step_happened_or_did_not() {
    let steps = steps_of(Kind::Upgrade);
    assert_eq!(steps.len(), 13, "every step of the protocol");
    kill_at_each_step(Kind::Upgrade, &steps);
}

#[test]
fn a_rollback_killed_at_any_step_happened_or_did_not() {
    kill_at_each_step(Kind::Rollback, &steps_of(Kind::Rollback));
}

#[test]
fn a_transaction_killed_at_any_time_again_and_again_is_recovered_from() {
    let packages = packages();
    for kind in KINDS {
        let expected = Expected::of(kind, &packages);
        let request = kind.request(&packages);
        let fresh = || {
            let dir = memory_dir();
            let path = dir.path().join("root");
            kind.prepare(&packages, &Root::open(&path).unwrap());
            (dir, path)
        };
        let (_dir, path) = fresh();
        let started = Instant::now();
        assert!(!was_killed(child(&path, &request, "").status().unwrap()));
        let whole = started.elapsed();
        let (rounds, mut killed) = (20, 0);
        for round in 1..=rounds {
            let (_dir, path) = fresh();
            // Three writers, the later ones killed while they recover or a little after.
            for share in [round, round * 7 % rounds, round * 3 % rounds] {
                let mut running = Running::start(&mut child(&path, &request, ""));
                std::thread::sleep(whole * share / rounds);
                running.kill();
                killed += u32::from(was_killed(running.end()));
            }
            expected.check(&path, &request, &format!("{kind:?} killed at random, round {round}"));
        }
        assert!(
            killed > rounds / 2,
            "{kind:?}: only {killed} of {} children were killed in time",
            rounds * 3
        );
        println!("{kind:?}: {killed} of {} children killed, {whole:?} each", rounds * 3);
    }
}

/// Says that the caller wants to stop, from one question on.
struct Canceller {
    patience: usize,
    asked: AtomicUsize,
}

impl Observer for Canceller {
    fn cancelled(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) >= self.patience
    }
}

#[test]
fn a_cancelled_transaction_leaves_everything_as_it_was() {
    let packages = packages();
    for kind in KINDS {
        let dir = memory_dir();
        let path = dir.path().join("root");
        let root = Root::open(&path).unwrap();
        kind.prepare(&packages, &root);
        let before = everything(&path);
        let plan = root.plan(kind.request(&packages)).unwrap();
        let mut cancelled = 0;
        for patience in 0.. {
            let canceller = Canceller { patience, asked: AtomicUsize::new(0) };
            match root.execute(&plan, &canceller) {
                Ok(outcome) => {
                    assert!(outcome.changed);
                    break;
                }
                Err(error) => assert_eq!(error.class(), Class::Cancelled, "{kind:?} at {patience}: {error}"),
            }
            assert_eq!(path.exists(), kind != Kind::FirstInstall);
            same_everything(&everything(&path), &before, &format!("{kind:?} cancelled at {patience}"));
            cancelled += 1;
        }
        println!("{kind:?}: cancelled at {cancelled} moments");
        assert!(cancelled > 1);
        verified(&root);
    }
}
