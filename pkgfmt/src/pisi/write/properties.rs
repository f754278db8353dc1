//! PiSi's own properties, taken apart into elements; the keys are those of `pisi.*`.

use super::loss::{Losses, Lost};
use super::xml::{Xml, survives};

/// Elements that hold one text each.
const PLAIN: [(&str, &str); 3] =
    [("pisi.build-host", "BuildHost"), ("pisi.icon", "Icon"), ("pisi.build-type", "BuildType")];
const FLAG: &str = "pisi.build-flag";
const PATH: &str = "pisi.path";
const ADDITIONAL: &str = "pisi.additional-file";

/// The properties that can be written.
pub(super) fn sayable(properties: &[(String, String)], losses: &mut Losses) -> Vec<(String, String)> {
    let fits = |(key, value): &&(String, String)| {
        let fits = match key.as_str() {
            FLAG => survives(value),
            PATH => path(value).is_some(),
            ADDITIONAL => additional(value).is_some(),
            key => PLAIN.iter().any(|(known, _)| *known == key) && !value.is_empty() && survives(value),
        };
        if !fits {
            losses.add(Lost::Property, format_args!("{key} = {value}"));
        }
        fits
    };
    properties.iter().filter(fits).cloned().collect()
}

/// Writes them; what is not sayable is passed over.
pub(super) fn write(xml: &mut Xml, properties: &[(String, String)]) {
    for (key, value) in properties {
        if let Some((_, element)) = PLAIN.into_iter().find(|(known, _)| known == key) {
            xml.element(element, &[], value);
        }
    }
    let values = |wanted: &'static str| {
        properties.iter().filter(move |(key, _)| key == wanted).map(|(_, value)| value.as_str())
    };
    group(xml, "BuildFlags", values(FLAG), |xml, flag| xml.element("Flag", &[], flag));
    group(xml, "Files", values(PATH), |xml, value| {
        if let Some((kind, path, permanent)) = path(value) {
            let permanent = if permanent { "true" } else { "" };
            xml.element("Path", &[("fileType", kind), ("permanent", permanent)], path);
        }
    });
    group(xml, "AdditionalFiles", values(ADDITIONAL), |xml, value| {
        if let Some([target, permission, owner, group, file]) = additional(value) {
            let attributes =
                [("target", target), ("permission", permission), ("owner", owner), ("group", group)];
            xml.element("AdditionalFile", &attributes, file);
        }
    });
}

fn group<'a>(
    xml: &mut Xml,
    name: &'static str,
    values: impl Iterator<Item = &'a str>,
    mut write: impl FnMut(&mut Xml, &str),
) {
    let mut values = values.peekable();
    if values.peek().is_some() {
        xml.open(name, &[]);
        values.for_each(|value| write(xml, value));
        xml.close();
    }
}

/// File type, path, and whether it is permanent.
fn path(value: &str) -> Option<(&str, &str, bool)> {
    let (kind, rest) = value.split_once('\t')?;
    let (path, permanent) = rest.strip_suffix("\tpermanent").map_or((rest, false), |path| (path, true));
    (survives(kind) && survives(path)).then_some((kind, path, permanent))
}

/// Target, permission, owner, group, file.
fn additional(value: &str) -> Option<[&str; 5]> {
    let mut parts = value.splitn(5, '\t');
    let mut next = || parts.next().filter(|part| survives(part));
    Some([next()?, next()?, next()?, next()?, next()?])
}
