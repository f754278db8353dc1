//! The command line as types. Completions, man pages and help all come from here.

mod choosing;
mod policy;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use ambar::pkgfmt::VersionOrder;
use ambar::pkgfmt::version::Order;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::style::When;

pub(crate) use choosing::{Autoremove, Choosing, Downgrade, Storing, Upgrade, WhyNot};
pub(crate) use policy::{Apply, Licences, List, Mark, Plan, Rules, Set, Verb, WhyMasked};

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
    /// Install, upgrade or downgrade packages
    Install(Install),
    /// Bring installed packages to the newest versions that sources have
    Upgrade(Upgrade),
    /// Bring installed packages to the newest of the older versions that sources have
    Downgrade(Downgrade),
    /// Remove packages, and what needs them
    Remove(Remove),
    /// Remove what nobody asked for and nothing needs any more
    Autoremove(Autoremove),
    /// Tell why an installed package is there
    Why {
        /// Its name
        name: String,
    },
    /// Tell why a package is not installed, or cannot be
    WhyNot(WhyNot),
    /// Make an earlier generation live again
    Rollback {
        /// Its number; without one, the generation before the live one
        #[arg(value_name = "N")]
        generation: Option<u64>,
    },
    /// Say why packages are there: asked for, or needed by others
    Mark(Mark),
    /// Work out a change without making it, and write it into a file for `apply`
    Plan(Plan),
    /// Carry out a plan that was written into a file
    Apply(Apply),
    /// Keep packages as they are until they are named
    Hold(Rules),
    /// Keep packages from being chosen
    Mask(Rules),
    /// Let packages be chosen although a mask is on them
    Unmask(Rules),
    /// Tell which rules mask a package, and why
    WhyMasked(WhyMasked),
    /// Keep packages from being removed
    Protect(Rules),
    /// Name several packages at once
    #[command(subcommand)]
    Set(Set),
    /// Run a program with the root as its file system
    #[command(after_help = crate::commands::RUN_HELP)]
    Run(Run),
    /// Start a shell with the root as its file system
    #[command(after_help = crate::commands::RUN_HELP)]
    Shell(Inside),
    /// List the installed packages
    List(List),
    /// Tell about an installed package, a package file, or this root
    Info {
        /// Name of an installed package (NAME:SLOT, NAME#TAG or NAME:ARCH for one of several), or a package file
        #[arg(value_name = "NAME|FILE")]
        subject: Option<OsString>,
    },
    /// List the paths of an installed package
    Files {
        /// Name of the package; NAME:SLOT, NAME#TAG or NAME:ARCH for one of several
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
    /// Make a package file of a directory
    Pack(Pack),
    /// Write a package file in another format, or make a delta whole
    Repack(Repack),
    /// Write what it takes to make one package of another
    Delta(Delta),
    /// Make keys to sign with
    #[command(subcommand)]
    Key(Key),
    /// Sign a native package file
    Sign(Sign),
    /// Read a package file whole and check every entry, and who signed it
    VerifyFile(VerifyFile),
    /// Show everything that a package file says, without reading the content of its files
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
    /// Explain ambar, a command, `exit-codes` or `package.toml`
    Help {
        /// A command, exit-codes or package.toml
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
    /// Package files (.ambar, .pisi, .eopkg, .deb, .tbz2), names of packages, or sets
    #[arg(required = true, value_name = "NAME|@SET|FILE")]
    pub(crate) things: Vec<OsString>,
    /// Store and link again what is installed in the same version
    #[arg(long)]
    pub(crate) reinstall: bool,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) storing: Storing,
}

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of installed packages, or sets; NAME:SLOT, NAME#TAG or NAME:ARCH where several have one name
    #[arg(required = true, value_name = "NAME|@SET")]
    pub(crate) names: Vec<String>,
    /// Do not check whether other packages need them
    #[arg(long)]
    pub(crate) ignore_dependency: bool,
    /// Remove nothing else: fail when other packages need them
    #[arg(long)]
    pub(crate) no_dependents: bool,
    /// Remove them even if they are essential
    #[arg(long)]
    pub(crate) remove_essential: bool,
}

/// What `run` and `shell` show beside the root.
#[derive(Debug, Args)]
pub(crate) struct Inside {
    /// Use this generation rather than the live one
    #[arg(long, value_name = "N")]
    pub(crate) generation: Option<u64>,
    /// Show a directory or file of the host's, at its own path or at DST; may be given several times
    #[arg(long = "bind", value_name = "SRC[:DST]")]
    pub(crate) binds: Vec<OsString>,
    /// Start in this directory rather than in the one that the command was given in
    #[arg(long, value_name = "DIR")]
    pub(crate) chdir: Option<PathBuf>,
    /// Put an empty directory in the place of the home directory
    #[arg(long)]
    pub(crate) no_home: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) inside: Inside,
    /// The program and its arguments, which are all that follows
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

/// Where a package file is written to, and how.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// The file to write, whose name tells its format (.ambar, .pisi); or a directory, for a file with the
    /// format's own kind of name
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(crate) output: PathBuf,
    /// The format: ambar, pisi-1.1 or pisi-1.2
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Level of compression: 1 to 22 for ambar [default: 19], 0 to 9 for pisi [default: 9]
    #[arg(long, value_name = "N")]
    pub(crate) level: Option<i32>,
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The directory whose content is packed
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
    /// What the package says of itself, as package.toml (`ambar help package.toml`)
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Version
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// Release
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// Architecture
    #[arg(long)]
    pub(crate) arch: Option<String>,
    /// Summary
    #[arg(long)]
    pub(crate) summary: Option<String>,
    /// How its versions compare: plain, pisi, entropy or debian [default: plain]
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<VersionOrder>,
    /// Entries keep the owners of the files; otherwise all is root's
    #[arg(long)]
    pub(crate) keep_owners: bool,
    /// No entry declares a later time than this, in seconds since 1970 [default: $SOURCE_DATE_EPOCH, if set]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) mtime: Option<i64>,
}

/// Arguments of `repack`.
#[derive(Debug, Args)]
pub(crate) struct Repack {
    /// The package file to read, of any format
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The package file that FILE is a delta against
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Option<PathBuf>,
}

/// Arguments of `delta`.
#[derive(Debug, Args)]
pub(crate) struct Delta {
    /// The package file that people have
    pub(crate) old: PathBuf,
    /// The package file that they are to get
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// The subcommands of `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a new pair of keys
    Generate(Generate),
}

/// Arguments of `key generate`.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Where to: NAME.key is the secret key, NAME.pub the public one
    pub(crate) name: PathBuf,
    /// The first line of this file is the password of the secret key
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not protect the secret key with a password
    #[arg(long)]
    pub(crate) no_password: bool,
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The package file, which is replaced by the signed one
    pub(crate) file: PathBuf,
    /// The secret key, as ambar or minisign made it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The first line of this file is the key's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// What the signature says in words [default: name, version and package id]
    #[arg(long)]
    pub(crate) comment: Option<String>,
}

/// Arguments of `verify-file`.
#[derive(Debug, Args)]
pub(crate) struct VerifyFile {
    /// The package file, of any format
    pub(crate) file: PathBuf,
    /// A public key that must have signed it; may be given several times
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// The package file that FILE is a delta against
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Option<PathBuf>,
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

/// Whether an argument of `info` is a package file rather than a name, which may be `category/name`.
pub(crate) fn is_package_file(subject: &OsStr) -> bool {
    let path = std::path::Path::new(subject);
    let is_named_so = path.extension().is_some_and(ambar::pkgfmt::Format::is_extension);
    let is_name = subject.to_str().is_some_and(ambar::pkgfmt::manifest::is_package_name);
    let has_slash = subject.as_encoded_bytes().contains(&b'/');
    if is_named_so || (has_slash && is_name) { path.is_file() } else { has_slash }
}

/// Whether something to install is a package file rather than a name: a file that is there and has a package's kind
/// of name or a `/` in it. What could be no name is a file as well, so that it is missed as one.
pub(crate) fn is_file_to_install(thing: &OsStr) -> bool {
    let path = std::path::Path::new(thing);
    let is_named_so = path.extension().is_some_and(ambar::pkgfmt::Format::is_extension);
    let has_slash = thing.as_encoded_bytes().contains(&b'/');
    let could_be_name = thing.to_str().is_some_and(|name| {
        let end = name.find(|c: char| c.is_whitespace() || "<>=!~(".contains(c)).unwrap_or(name.len());
        let name = name[..end].replace(['*', '?'], "x");
        ambar::pkgfmt::manifest::is_package_name(&name)
    });
    is_named_so || (has_slash && (path.is_file() || !could_be_name))
}
