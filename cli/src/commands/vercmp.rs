//! `vercmp`: how two versions compare; as a filter, how the pair on each line does.
//!
//! Blanks around a version do not count. In Entropy's order the answer is what Entropy's own comparison would have
//! said, also of strings that are no versions; there blanks count, as they did.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::BufRead;
use std::path::Path;

use ambar::Class;
use ambar::pkgfmt::version::{self, InvalidVersion, Order, entropy};
use serde_json::json;

use crate::Done;
use crate::args::Vercmp;
use crate::context::Context;
use crate::failure::Failure;

const INVALID: &str = "invalid";

pub(crate) fn vercmp(context: &Context, arguments: &Vercmp) -> Done {
    match &arguments.second {
        Some(second) => pair(context, arguments.order, &arguments.first, second),
        None if arguments.first == "-" => filter(context, arguments.order),
        None => Err(Failure::usage("two versions are compared; - alone reads pairs from standard input")),
    }
}

fn pair(context: &Context, order: Order, a: &OsStr, b: &OsStr) -> Done {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    match compare(order, &a, &b) {
        Ok(ordering) => {
            context.line(sign(ordering));
            Ok(json!({ "order": order, "answer": sign(ordering) }).into())
        }
        Err(error) => {
            context.line(INVALID);
            let result = json!({ "order": order, "answer": INVALID });
            Err(Failure::new(Class::Failed, error.to_string()).with(result))
        }
    }
}

/// One line out for each line in, at once, so that it can serve as the other end of a pipe.
fn filter(context: &Context, order: Order) -> Done {
    let mut input = std::io::stdin().lock();
    let mut answers = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(Failure::system("read", Path::new("standard input"), &error)),
        }
        let answer = answer(order, &line);
        if context.output().is_json() {
            answers.push(answer);
        }
        context.line(answer);
        if context.output().is_broken() {
            break;
        }
    }
    Ok(json!({ "order": order, "answers": answers }).into())
}

fn answer(order: Order, line: &[u8]) -> &'static str {
    let line = std::str::from_utf8(line).unwrap_or_default().trim_end_matches(['\r', '\n']);
    let mut fields = line.split('\t');
    let mut words = line.split_ascii_whitespace();
    // One tab parts two versions, which then may be empty or have blanks in them; else blanks part words.
    let pair = match (fields.next(), fields.next(), fields.next()) {
        (Some(a), Some(b), None) => Some((a, b)),
        _ => match (words.next(), words.next(), words.next()) {
            (Some(a), Some(b), None) => Some((a, b)),
            _ => None,
        },
    };
    pair.and_then(|(a, b)| compare(order, a, b).ok()).map_or(INVALID, sign)
}

fn compare(order: Order, a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    match order {
        Order::Entropy => Ok(entropy::compare_as_original(a, b)),
        _ => version::compare(order, a.trim(), b.trim()),
    }
}

fn sign(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}
