//! The command line as types. Completions, man pages and help all come from here.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use ambar::pkgfmt::version::Order;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::style::When;

/// A content-addressed, transactional package store
#[derive(Debug, Parser)]
#[command(
    name = "ambar",
    version,
    disable_help_subcommand = true,
    allow_external_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 100,
    long_about = "A content-addressed, transactional package store.\n\nEvery change makes a new generation beside \
                  the live one and switches to it at once; a failed, cancelled or interrupted change leaves the \
                  live generation as it was.",
    after_help = "`ambar help exit-codes` says what the exit codes mean. A program `ambar-foo` on PATH is \
                  `ambar foo`."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The root to work on [default: $AMBAR_ROOT, else $XDG_DATA_HOME/ambar, else ~/.local/share/ambar]
    #[arg(short = 'D', long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) root: Option<PathBuf>,
    /// Do not ask: carry the plan out
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) yes: bool,
    /// Show the plan and stop
    #[arg(short = 'n', long, global = true, help_heading = "Global options")]
    pub(crate) dry_run: bool,
    /// Answer with one JSON object on standard output, errors too
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// How to show progress on standard error; auto is a bar on a terminal, else nothing
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        value_enum,
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) progress: Progress,
    /// When to use colour; auto heeds NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: When,
    /// Threads for reading and storing packages; 0 is one for each core
    #[arg(long, global = true, value_name = "N", default_value_t = 0, help_heading = "Global options")]
    pub(crate) threads: usize,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, else nothing
    #[default]
    Auto,
    /// A bar
    Bar,
    /// A line for each package and step
    Plain,
    /// A JSON object for each event, one a line
    Json,
    /// Nothing
    None,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a root now rather than at its first change
    Init(Init),
    /// Install, upgrade or downgrade to package files
    Install(Install),
    /// Remove packages
    Remove(Remove),
    /// Make an earlier generation live again
    Rollback {
        /// Its number; without one, the generation before the live one
        #[arg(value_name = "N")]
        generation: Option<u64>,
    },
    /// List the installed packages
    List,
    /// Tell about an installed package, a package file, or this root
    Info {
        /// Name of an installed package, or a package file
        #[arg(value_name = "NAME|FILE")]
        subject: Option<OsString>,
    },
    /// List the paths of an installed package
    Files {
        /// Name of the package
        name: String,
    },
    /// Tell which package has a path
    Owns {
        /// The path, as the package has it or as the machine has it
        path: PathBuf,
    },
    /// List the generations
    Generations,
    /// Tell what changes from one generation to another
    Diff {
        /// Two generations, for example 3..5
        #[arg(value_name = "A..B", value_parser = range)]
        range: (u64, u64),
    },
    /// List the last actions
    History,
    /// Read everything again and compare it with what it should be
    Verify {
        /// Only what concerns these packages
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Collect what no kept generation needs
    Gc {
        /// How many generations to keep; 0 keeps all [default: the root's own setting]
        #[arg(long, value_name = "N")]
        keep: Option<u64>,
    },
    /// Show everything that a package file says, without reading its payload
    Inspect {
        /// The package file
        file: PathBuf,
    },
    /// Unpack a package file into an empty or new directory, checking every entry
    Extract {
        /// The package file
        file: PathBuf,
        /// Where to
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Compare versions: <, = or >
    Vercmp(Vercmp),
    /// Print the version of ambar's interfaces, one integer that only grows, and the formats it reads
    Version,
    /// Print a completion script
    Completion {
        /// For which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print ambar's man page, or write all of them into a directory
    Man {
        /// Where to
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Install, upgrade, roll back and verify in a new temporary root, step by step
    Quickstart {
        /// Do it with the packages in this directory and below
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Explain ambar, a command, or `exit-codes`
    Help {
        /// A command, or exit-codes
        #[arg(value_name = "COMMAND")]
        topic: Option<OsString>,
    },
    /// A program `ambar-NAME` on PATH, with its arguments.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where the store is, when it is not to be in the root; roots may share one
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
}

/// Arguments of `install`.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// Package files (.pisi, .eopkg)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Do not check dependencies and conflicts between packages
    #[arg(long)]
    pub(crate) ignore_dependency: bool,
    /// Take paths that other packages have; the choice is recorded
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Take setuid and setgid bits off
    #[arg(long)]
    pub(crate) strip_setuid: bool,
    /// Do not keep the files in the store's cache
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Store and link again what is installed in the same version
    #[arg(long)]
    pub(crate) reinstall: bool,
}

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of installed packages
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Do not check whether other packages need them
    #[arg(long)]
    pub(crate) ignore_dependency: bool,
}

/// Arguments of `vercmp`.
#[derive(Debug, Args)]
pub(crate) struct Vercmp {
    /// The order to compare in; pisi1 is that of PiSi 1.x, plain compares numbers and words
    #[arg(long, value_parser = orders())]
    pub(crate) order: Order,
    /// The first version; `-` alone reads pairs from standard input, one a line, apart by a tab or blanks
    #[arg(value_name = "A")]
    pub(crate) first: OsString,
    /// The second version
    #[arg(value_name = "B")]
    pub(crate) second: Option<OsString>,
}

fn orders() -> impl TypedValueParser<Value = Order> {
    PossibleValuesParser::new(Order::ALL.map(Order::name)).try_map(|name| name.parse::<Order>())
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("two generations look like 3..5")?;
    let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is not the number of a generation"));
    Ok((number(from)?, number(to)?))
}

/// What must be known before the command line is understood, so that mistakes in it are answered as asked.
#[derive(Debug, Clone)]
pub(crate) struct Early {
    pub(crate) json: bool,
    pub(crate) colour: When,
    /// The first word that is no option.
    pub(crate) command: Option<String>,
    /// The commands on `PATH` are in the help already.
    pub(crate) listed: bool,
}

impl Early {
    pub(crate) fn of(arguments: &[OsString]) -> Early {
        let mut early = Early { json: false, colour: When::Auto, command: None, listed: false };
        let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
        while let Some(word) = words.next() {
            match &*word {
                "--" => break,
                "--json" => early.json = true,
                "--color" => early.colour = When::named(&words.next().unwrap_or_default()),
                "-D" | "--root" | "--progress" | "--threads" => drop(words.next()),
                word if word.starts_with("--color=") => early.colour = When::named(&word["--color=".len()..]),
                word if word.starts_with('-') => {}
                word => drop(early.command.get_or_insert(word.to_owned())),
            }
        }
        early
    }
}

/// Whether an argument of `info` is a package file rather than a name.
pub(crate) fn is_package_file(subject: &OsStr) -> bool {
    let path = std::path::Path::new(subject);
    let is_named_so = path.extension().is_some_and(|extension| extension == "pisi" || extension == "eopkg");
    subject.as_encoded_bytes().contains(&b'/') || (is_named_so && path.is_file())
}
