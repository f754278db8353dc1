//! Colour: when to use it, and the few styles there are.

use std::io::IsTerminal;

use clap::ValueEnum;

/// When colour is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl When {
    /// The choice of that name; what is misspelt is reported later.
    pub(crate) fn named(name: &str) -> When {
        When::from_str(name, false).unwrap_or_default()
    }

    pub(crate) fn for_clap(self) -> clap::ColorChoice {
        match self {
            When::Auto => clap::ColorChoice::Auto,
            When::Always => clap::ColorChoice::Always,
            When::Never => clap::ColorChoice::Never,
        }
    }

    /// The painter for a stream.
    pub(crate) fn on(self, stream: &impl IsTerminal) -> Painter {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Painter(match self {
            When::Auto => wanted && !dumb && stream.is_terminal(),
            When::Always => true,
            When::Never => false,
        })
    }
}

/// What a piece of text is, for its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Heading,
    Good,
    Warning,
    Bad,
    Faint,
}

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painter(bool);

impl Painter {
    pub(crate) fn is_on(self) -> bool {
        self.0
    }

    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Heading => "1",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "1;31",
            Style::Faint => "2",
            Style::Plain => return text.to_owned(),
        };
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
