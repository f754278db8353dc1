//! `why` and `why-not`.

use ambar::{Error, WhyNot};
use serde_json::json;

use crate::Done;
use crate::args;
use crate::commands::plans;
use crate::context::Context;
use crate::text::shown;

/// `why`: the chain from what was asked for to a package.
pub(crate) fn why(context: &Context, name: &str) -> Done {
    let answers = context.root()?.why(name)?;
    for answer in &answers {
        let package = format!("{} {}", shown(&answer.package), shown(&answer.version));
        match &answer.chain {
            _ if answer.explicit => context.line(format!("{package} was asked for.")),
            None => context.line(format!("{package}: nothing needs it; `ambar autoremove` would remove it.")),
            Some(_) if answer.essential => context.line(format!("{package} is essential.")),
            Some(chain) if chain.is_empty() => {
                context.line(format!("{package} is kept by the root's policy."))
            }
            Some(chain) => {
                for link in chain {
                    context.line(format!(
                        "{} {} {} {}{}",
                        shown(&link.from),
                        shown(&link.version),
                        link.kind,
                        shown(&link.relation),
                        if link.relation == link.to {
                            String::new()
                        } else {
                            format!(": {}", shown(&link.to))
                        }
                    ));
                }
            }
        }
    }
    Ok(json!({ "packages": answers }).into())
}

/// `why-not`: what keeps a package from being installed.
pub(crate) fn why_not(context: &Context, arguments: args::WhyNot) -> Done {
    let options = plans::limits(&arguments.choosing);
    let from = plans::from(arguments.choosing);
    let answer = context.root()?.why_not(&arguments.name, &from, &options)?;
    match &answer {
        WhyNot::Installed { name } => context.line(format!("{} is installed.", shown(name))),
        WhyNot::Possible { name, comes, goes } => {
            context.line(format!("{} can be installed; nobody has asked for it.", shown(name)));
            for package in comes {
                context.line(format!("  would come: {}", shown(package)));
            }
            for package in goes {
                context.line(format!("  would go:   {}", shown(package)));
            }
        }
        WhyNot::Impossible { explanation, .. } => {
            // The same words as where it is an error.
            let error = Error::Impossible(Box::new(explanation.clone()));
            for line in error.to_string().lines() {
                context.line(shown(line));
            }
        }
    }
    Ok(json!(answer).into())
}
