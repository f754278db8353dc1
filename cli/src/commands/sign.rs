//! `key`, `sign` and `verify-file`: who vouches for a package file, and whether it holds.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ambar::OsPath;
use ambar::pkgfmt::native::{self, KeyError, PublicKey, SecretKey};
use ambar::pkgfmt::{Limits, PackageFile};
use serde_json::json;

use crate::Done;
use crate::args::{Generate, Sign, VerifyFile};
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Watcher;
use crate::text::{count, shown};

/// Writes a new pair of keys: `NAME.key`, which only its owner can read, and `NAME.pub`.
pub(crate) fn generate(context: &Context, arguments: &Generate) -> Done {
    if context.dry_run() {
        return Err(no_dry_run());
    }
    let password = match (&arguments.password_file, arguments.no_password) {
        (Some(path), _) => Some(read_password(path)?),
        (None, true) => None,
        (None, false) => Some(ask_twice()?),
    };
    if password.as_deref() == Some("") {
        return Err(Failure::usage("the password for the new key is empty")
            .advise("Give a password, or --no-password."));
    }
    let texts = native::generate_keys(password.as_deref()).map_err(|error| refused(&error))?;
    let with = |extension: &str| {
        let mut name = arguments.name.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    let (secret, public) = (with(".key"), with(".pub"));
    write_new(&secret, 0o600, &texts.secret)?;
    if let Err(failure) = write_new(&public, 0o644, &texts.public) {
        // Half a pair is of no use.
        drop(std::fs::remove_file(&secret));
        return Err(failure);
    }
    let id = PublicKey::parse(&texts.public).map_err(|error| refused(&error))?.id().to_string();
    context.line(format!("Key {id}: {} signs, {} verifies.", secret.display(), public.display()));
    Ok(json!({ "key": id, "secret": OsPath(secret), "public": OsPath(public) }).into())
}

pub(crate) fn sign(context: &Context, arguments: &Sign) -> Done {
    if context.dry_run() {
        return Err(no_dry_run());
    }
    let text = read(&arguments.key)?;
    let password = arguments.password_file.as_deref().map(read_password).transpose()?;
    let key = match SecretKey::parse(&text, password.as_deref()) {
        Err(KeyError::NeedsPassword) => SecretKey::parse(&text, Some(&ask("Password: ")?)),
        key => key,
    };
    let key = key.map_err(|error| about(&arguments.key, &error))?;
    let comment = arguments.comment.as_deref();
    if comment.is_some_and(|comment| comment.contains(char::is_control)) {
        return Err(Failure::usage("a signature's comment is one line of text"));
    }
    let package = PackageFile::open(&arguments.file, &Limits::default()).map_err(ambar::Error::from)?;
    if package.native().is_none() {
        let format = package.format().name();
        return Err(Failure::usage(format!("packages of the format {format} carry no signatures"))
            .advise("`ambar repack FILE -o FILE.ambar` makes one that does."));
    }
    native::sign(&arguments.file, &key, comment, &Limits::default()).map_err(ambar::Error::from)?;
    let (file, id) = (arguments.file.display().to_string(), key.id().to_string());
    context.line(format!("{} is signed by key {id}.", shown(&file)));
    Ok(json!({ "file": OsPath(arguments.file.clone()), "key": id }).into())
}

pub(crate) fn verify_file(context: &Context, arguments: &VerifyFile) -> Done {
    let mut keys = Vec::new();
    for path in &arguments.keys {
        keys.push(PublicKey::parse(&read(path)?).map_err(|error| about(path, &error))?);
    }
    let (file, base) = (&arguments.file, arguments.base.as_deref());
    let checked = ambar::verify_file(file, base, &keys, &Limits::default(), &Watcher::new(context))?;
    let manifest = &checked.manifest;
    context.line(format!(
        "{} {}: {}, every one as promised.",
        shown(&manifest.name),
        shown(&manifest.full_version()),
        count(manifest.entries.len() as u64, "path")
    ));
    for (key, known) in &checked.signatures {
        let words = if *known { "right" } else { "not checked: give the key with --key" };
        context.line(format!("Signature of key {key}: {words}."));
    }
    if checked.signatures.is_empty() {
        context.line("It is not signed.");
    }
    let signatures: Vec<_> =
        checked.signatures.iter().map(|(key, known)| json!({ "key": key, "verified": known })).collect();
    Ok(json!({
        "file": OsPath(file.clone()),
        "format": checked.format,
        "name": manifest.name,
        "version": manifest.full_version(),
        "package": checked.package,
        "entries": manifest.entries.len(),
        "signatures": signatures,
    })
    .into())
}

fn no_dry_run() -> Failure {
    Failure::usage("a file is written or it is not: there is no plan to show")
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::system("read", path, &error))
}

fn read_password(path: &Path) -> Result<String, Failure> {
    Ok(read(path)?.lines().next().unwrap_or_default().to_owned())
}

fn ask(prompt: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("the key needs its password, and nobody can be asked here")
            .advise("Give --password-file FILE."));
    }
    rpassword::prompt_password(prompt)
        .map_err(|error| Failure::system("read the password from", Path::new("/dev/tty"), &error))
}

fn ask_twice() -> Result<String, Failure> {
    let password = ask("Password for the new key: ")?;
    if ask("Once more: ")? != password {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(password)
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(ambar::Class::Failed, format!("{} is there already", path.display()))
                .advise("A key is never overwritten: choose another name, or move that file away.")
        }
        _ => Failure::system("make", path, &error),
    })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::File::open(parent)?.sync_all())
        .map_err(|error| Failure::system("write", path, &error))
}

fn about(path: &Path, error: &KeyError) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

fn refused(error: &KeyError) -> Failure {
    Failure::usage(error.to_string())
}
