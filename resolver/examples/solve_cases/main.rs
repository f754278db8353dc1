//! Answers cases of the neutral format, one JSON object on a line, in the order in which they come:
//!
//! ```text
//! cargo run --release -p ambar-resolver --example solve_cases < cases.jsonl > answers.jsonl
//! ```
//!
//! `--planner pisi` and `--planner entropy` read a file of planner cases instead, and say of each what we answer
//! in the shape of the original's answer, and whether it is the same.
#![allow(clippy::print_stderr)]

mod answer;
mod case;
mod neutral;
mod planner;
mod rpm;

use std::io::{self, BufRead, BufWriter, Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => neutral_cases(),
        ["--planner", which] => planner_cases(which),
        _ => Err("usage: solve_cases [--planner pisi|entropy] < CASES > ANSWERS".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("solve_cases: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn neutral_cases() -> Result<(), String> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|error| format!("reading line {}: {error}", number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let answered = match serde_json::from_str(&line) {
            Ok(case) => answer::answer(&case),
            Err(error) => answer::invalid(&id_of(&line, number), format!("not a case that is read: {error}")),
        };
        write_line(&mut out, &answered)?;
    }
    out.flush().map_err(|error| format!("writing: {error}"))
}

/// The name of a case that is none, or its line.
fn id_of(line: &str, number: usize) -> String {
    let value = serde_json::from_str::<serde_json::Value>(line).ok();
    let id = value.as_ref().and_then(|value| value.get("id")).and_then(serde_json::Value::as_str);
    id.map_or_else(|| format!("line {}", number + 1), str::to_owned)
}

fn planner_cases(which: &str) -> Result<(), String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| format!("reading: {error}"))?;
    let mut out = BufWriter::new(io::stdout().lock());
    for compared in planner::compare_all(which, &text)? {
        write_line(&mut out, &compared)?;
    }
    out.flush().map_err(|error| format!("writing: {error}"))
}

fn write_line(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    writeln!(out, "{text}").map_err(|error| format!("writing: {error}"))
}
