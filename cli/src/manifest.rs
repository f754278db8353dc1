//! What a package declares, for people and for machines.

use ambar::pkgfmt::relation::RelationKind;
use ambar::pkgfmt::{Manifest, Translations};
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::style::Style;
use crate::text::{shown, shown_lines};

/// The name that a value of a plain enum has in JSON.
pub(crate) fn name_of(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A manifest for machines; its entries are told elsewhere.
pub(crate) fn to_json(manifest: &Manifest, translations: &Translations) -> Value {
    let mut value = serde_json::to_value(manifest).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("entries");
    }
    value["translations"] = json!(translations);
    value
}

/// One line of a list of properties; nothing for an empty one.
pub(crate) fn field(context: &Context, name: &str, text: &str) {
    if !text.is_empty() {
        let name = context.output().out_style().paint(Style::Heading, &format!("{name:<14}"));
        let text = shown_lines(text.trim()).replace('\n', &format!("\n{:14}", ""));
        context.line(format!("{name}{text}"));
    }
}

/// Shows what a package says of itself, without its entries.
pub(crate) fn show(context: &Context, manifest: &Manifest, translations: &Translations) {
    field(context, "name", &manifest.name);
    field(context, "version", &manifest.full_version());
    field(context, "build", &manifest.build);
    field(context, "arch", &manifest.arch);
    let distribution = [&*manifest.distribution, &*manifest.distribution_release].join(" ");
    field(context, "distribution", distribution.trim());
    field(context, "slot", &manifest.slot);
    field(context, "tag", &manifest.tag);
    field(context, "source", &manifest.source);
    field(context, "homepage", &manifest.homepage);
    field(context, "packager", &manifest.packager);
    field(context, "licences", &manifest.licences.join(", "));
    field(context, "categories", &manifest.categories.join(", "));
    field(context, "components", &manifest.components.join(", "));
    field(context, "summary", &manifest.summary);
    for (language, text) in &translations.summary {
        field(context, &format!("summary {}", shown(language)), text);
    }
    if manifest.description != manifest.summary {
        field(context, "description", &manifest.description);
    }
    for relation in &manifest.relations {
        field(context, relation_word(relation.kind), &relation.to_string());
    }
    for script in &manifest.scripts {
        let about: Vec<String> = [&script.role, &script.target]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(|text| shown(text))
            .collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        let text = format!("{}/{}{about}, {} bytes: kept, not run", script.system, script.file, script.size);
        field(context, "script", &text);
    }
}

/// Shows a package's properties and history, which only an inspection wants.
pub(crate) fn show_rest(context: &Context, manifest: &Manifest, translations: &Translations) {
    for (language, text) in &translations.description {
        if translations.summary.get(language) != Some(text) {
            field(context, &format!("descr. {}", shown(language)), text);
        }
    }
    for (key, value) in &manifest.properties {
        field(context, "property", &format!("{} = {}", shown(key), shown(&value.replace('\t', "  "))));
    }
    for change in &manifest.history {
        let kinds = change.kinds.iter().map(|kind| shown(kind)).collect::<Vec<_>>().join(" ");
        let words = [&*change.release, &change.version, &change.date, &kinds, &change.comment];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        field(context, "change", &words.join("  "));
    }
}

fn relation_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Depends => "depends",
        RelationKind::PreDepends => "pre-depends",
        RelationKind::Recommends => "recommends",
        RelationKind::Suggests => "suggests",
        RelationKind::Enhances => "enhances",
        RelationKind::Conflicts => "conflicts",
        RelationKind::Breaks => "breaks",
        RelationKind::Provides => "provides",
        RelationKind::Replaces => "replaces",
        RelationKind::Obsoletes => "obsoletes",
        RelationKind::BuildDepends => "build-depends",
        RelationKind::Overwrites => "overwrites",
    }
}
