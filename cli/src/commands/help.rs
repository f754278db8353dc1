//! `help`: ambar, a command, the exit codes, or package.toml.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory;
use serde_json::json;

use crate::args::Cli;
use crate::context::Context;
use crate::style::Style;
use crate::{Done, EXIT_CODES, external};

/// Everything that a package.toml can say.
const PACKAGE_TOML: &str = include_str!("../../../docs/package.toml");

pub(crate) fn help(context: &Context, topic: Option<&OsStr>) -> Done {
    let painter = context.output().out_style();
    let text = match topic {
        None => external::listed(Cli::command()).render_help(),
        Some(topic) if topic == "exit-codes" => {
            let mut text = String::new();
            for (code, meaning) in EXIT_CODES {
                text += &format!("{}  {meaning}\n", painter.paint(Style::Heading, &format!("{code:>2}")));
            }
            text += "\nAny of 1 to 10 means that the live generation is byte for byte what it was.\n\
                     `ambar run` and `ambar shell` end as their program does; 127: the root has no such program; \
                     126: it cannot be run.\n";
            context.output().print(&text);
            let codes: Vec<_> = EXIT_CODES
                .iter()
                .map(|(code, meaning)| json!({ "code": code, "meaning": meaning }))
                .collect();
            return Ok(json!({ "exit_codes": codes }).into());
        }
        Some(topic) if topic == "package.toml" => {
            context.output().print(PACKAGE_TOML);
            return Ok(json!({ "text": PACKAGE_TOML }).into());
        }
        Some(topic) => {
            let mut whole = Cli::command();
            whole.build();
            match topic.to_str().and_then(|name| whole.find_subcommand_mut(name)) {
                Some(command) => command.render_long_help(),
                None if external::all().contains_key(topic) => {
                    return Err(external::run(context, &[topic.to_owned(), OsString::from("--help")]));
                }
                None => return Err(external::unknown(topic)),
            }
        }
    };
    context.output().print(&if painter.is_on() { text.ansi().to_string() } else { text.to_string() });
    Ok(json!({ "text": text.to_string() }).into())
}
