//! Failures: what happened, to which thing, what to do now; for people and for machines.

use std::error::Error as _;

use ambar::pkgfmt::Problem;
use ambar::run::RunError;
use ambar::{Class, Error, PathConflict, Problem as Unsatisfied};
use serde_json::{Value, json};

use crate::text::shown_lines;

/// A command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure(Box<Told>);

#[derive(Debug)]
struct Told {
    class: Class,
    message: String,
    /// The exit code, where it is not that of the class.
    code: Option<u8>,
    /// What to do now.
    advice: Option<&'static str>,
    causes: Vec<String>,
    conflicts: Vec<PathConflict>,
    problems: Vec<Unsatisfied>,
    /// Why nothing meets a request.
    explanation: Option<Value>,
    /// What there is to tell beside the error, for machines.
    result: Option<Value>,
    /// The message is ours: it may hold colours, and nothing in it has to be escaped.
    raw: bool,
}

impl Failure {
    pub(crate) fn new(class: Class, message: impl Into<String>) -> Failure {
        Failure(Box::new(Told {
            class,
            message: message.into(),
            code: None,
            advice: None,
            causes: Vec::new(),
            conflicts: Vec::new(),
            problems: Vec::new(),
            explanation: None,
            result: None,
            raw: false,
        }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Class::Usage, message)
    }

    /// The system refused something that the program itself wanted.
    pub(crate) fn system(operation: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        let class = match error.kind() {
            std::io::ErrorKind::NotFound => Class::NotFound,
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Class::Permission
            }
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Class::NoSpace,
            _ => Class::Failed,
        };
        let mut failure = Failure::new(class, format!("cannot {operation} {}: {error}", path.display()));
        failure.0.causes.push(error.to_string());
        failure
    }

    pub(crate) fn advise(mut self, advice: &'static str) -> Failure {
        self.0.advice = Some(advice);
        self
    }

    pub(crate) fn with(mut self, result: Value) -> Failure {
        self.0.result = Some(result);
        self
    }

    pub(crate) fn raw(mut self) -> Failure {
        self.0.raw = true;
        self
    }

    /// What there is to tell beside the error.
    pub(crate) fn result(&self) -> Option<&Value> {
        self.0.result.as_ref()
    }

    pub(crate) fn code(&self) -> u8 {
        self.0.code.unwrap_or(self.0.class as u8)
    }

    /// The message and the advice, with control characters escaped.
    pub(crate) fn for_people(&self) -> String {
        let mut text = if self.0.raw { self.0.message.clone() } else { shown_lines(&self.0.message) };
        if let Some(advice) = self.0.advice {
            text = format!("{text}\n  {advice}");
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        let conflicts: Vec<Value> = self
            .0
            .conflicts
            .iter()
            .map(|conflict| {
                json!({
                    "path": conflict.path,
                    "first": conflict.first,
                    "second": conflict.second,
                    "reason": conflict.clash,
                })
            })
            .collect();
        json!({
            "code": self.code(),
            "class": self.0.class.name(),
            "message": self.0.message,
            "causes": self.0.causes,
            "conflicts": conflicts,
            "problems": self.0.problems,
            "explanation": self.0.explanation,
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let mut failure = Failure::new(error.class(), error.to_string());
        failure.0.advice = advice(&error);
        if let Error::Run(error) = &error {
            failure.0.code = error.shell_code();
        }
        failure.0.conflicts = error.path_conflicts().to_vec();
        failure.0.problems = error.problems().to_vec();
        let told = if let Error::Unread { error, .. } = &error { error } else { &error };
        if let Error::Impossible(impossible) = told {
            failure.0.explanation = Some(json!(impossible));
        }
        let mut cause = error.source();
        while let Some(error) = cause {
            failure.0.causes.push(error.to_string());
            cause = error.source();
        }
        failure
    }
}

/// Whether every conflict is over a file that both packages have, which one of them can be given.
fn takes_paths(error: &Error) -> bool {
    error.path_conflicts().iter().all(|conflict| conflict.clash == ambar::Clash::Both)
}

/// Whether it would help not to look at relations.
fn is_about_relations(impossible: &ambar::resolver::Impossible) -> bool {
    impossible.facts.iter().any(|fact| matches!(&*fact.code, "needs" | "conflicts" | "obsoletes"))
}

/// What a person can do about an error, where its own text does not say.
fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Run(error) => return run_advice(error),
        Error::Unread { error, .. } => return advice(error),
        _ => {}
    }
    Some(match (error, error.class()) {
        (Error::NotInstalled { similar, .. }, _) if similar.is_empty() => {
            "`ambar list` shows what is installed."
        }
        (Error::Unanswered(_), _) => "Nothing has changed. Give --accept-licence NAME for each of them.",
        (Error::Outdated(_), _) => "Nothing has changed. Plan again.",
        (Error::Protected { .. }, _) => {
            "Nothing has changed. `ambar protect --remove` takes the protection off."
        }
        (Error::NoSource { .. }, _) => {
            "--from DIR gives packages to choose from. A package file is given by its path: a `/` in it or one of \
             the known endings makes a file."
        }
        (Error::NoSet { similar, .. }, _) if similar.is_empty() => "`ambar set list` lists the sets.",
        (Error::NotOwned(_), _) => "`ambar files NAME` lists the paths of a package.",
        (Error::Store(ambar::StoreError::NoTree { .. }), _) => {
            "Rolling back to a generation makes its tree again; when it is the live one, go to another before."
        }
        (Error::NothingBefore, _) => "`ambar generations` lists what there is.",
        (Error::Impossible(impossible), _) if !is_about_relations(impossible) => {
            "Nothing has changed. --from DIR gives more packages to choose from."
        }
        (Error::Impossible(_), _) => {
            "Nothing has changed. --from DIR gives more packages to choose from; --ignore-dependency goes on all the \
             same."
        }
        (Error::Needed(_), _) => "Nothing has changed. Without --no-dependents they go as well.",
        (Error::Essential { .. }, _) => "Nothing has changed. --remove-essential removes it all the same.",
        (Error::TooHard { .. }, _) => "Nothing has changed. Ask for less at once, or name versions.",
        (error, _) if !error.path_conflicts().is_empty() => match takes_paths(error) {
            true => "Nothing has changed. --overwrite lets the packages being installed take these paths.",
            false => "Nothing has changed. These packages cannot be installed together.",
        },
        (Error::NoBaseFile { .. }, _) => {
            "Give the file of that package with --base; `ambar repack` makes a whole package of both."
        }
        (Error::Package(package), _) if package.file.is_dir() => {
            "It is a directory: --from chooses packages by name out of one."
        }
        (Error::Package(package), _) if matches!(package.problem, Problem::NotAPackage(_)) => {
            "`ambar version` lists the formats that are read."
        }
        (Error::Package(_), Class::Damaged) => {
            "Nothing has changed. Get the file again from where it came from."
        }
        (Error::Io { .. } | Error::Package(_), Class::Permission) => "Run ambar as somebody who may.",
        (_, Class::Permission) => "Run ambar as the owner, or choose another root with -D.",
        (_, Class::NoSpace) => "Nothing has changed. Make room, for example with `ambar gc`.",
        _ => return None,
    })
}

/// What a person can do about a program that could not be run, where the error's own text does not say.
fn run_advice(error: &RunError) -> Option<&'static str> {
    Some(match error {
        RunError::NoRoot { .. } => "`ambar install` makes one; -D names another.",
        RunError::NoProgram { .. } => {
            "`ambar list` shows what is installed; --generation N runs what an earlier generation has."
        }
        RunError::NoShell { .. } => "Install one, or start a program with `ambar run CMD`.",
        RunError::NoDirectory { .. } => {
            "--chdir chooses a directory inside, --bind shows one of the host's there."
        }
        _ => return None,
    })
}
