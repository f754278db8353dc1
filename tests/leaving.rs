//! Removing packages, what goes with them, what stays, and why packages are there.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/shop.rs"]
mod shop;

use ambar::policy::List;
use ambar::{Class, Error, Options, Reason};
use shop::*;

/// `app` needs `lib` needs `base`; `other` needs `lib` or `spare`, and both are there.
fn installed() -> Shop {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib >= 1"])).put("lib", "1", &depends(&["base"])).put("base", "1", "");
    shop.put("other", "1", &depends(&["lib | spare"])).put("spare", "1", "");
    shop.install(&["app", "other", "spare"]);
    shop
}

#[test]
fn what_needs_a_removed_package_goes_with_it_and_the_reason_is_told() {
    let shop = installed();
    let plan = shop.plan_remove(&["base"], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["remove app 1", "remove base 1", "remove lib 1"]);
    tells(plan.notes.join("\n"), &["lib needs base", "app needs lib (>= 1), and goes too"]);
    assert_eq!(plan.steps, [["app"], ["lib"], ["base"]], "what needs others goes before them");
    let options = Options { no_dependents: true, ..Options::default() };
    let error = shop.plan_remove(&["base"], options.clone()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    let needing: Vec<&str> = error.problems().iter().map(|problem| problem.package.as_str()).collect();
    assert!(needing.contains(&"app") && needing.contains(&"lib"), "{needing:?}");
    assert_eq!(changes(&shop.plan_remove(&["app"], options).unwrap()), ["remove app 1"]);
    shop.run(&plan);
    assert_eq!(shop.installed(), ["other 1*", "spare 1*"], "who has an alternative stays");
    common::verified(&shop.root);
}

#[test]
fn an_alternative_that_goes_as_well_is_none() {
    let shop = installed();
    let plan = shop.plan_remove(&["spare", "base"], Options::default()).unwrap();
    assert_eq!(plan.items.len(), 5, "{:?}", changes(&plan));
}

#[test]
fn essential_packages_stay_even_if_they_would_only_go_along() {
    let shop = Shop::new();
    let essential = format!("{}[properties]\n'deb.essential' = 'yes'\n", depends(&["lib"]));
    shop.put("shell", "1", &essential).put("lib", "1", &depends(&["base"])).put("base", "1", "");
    shop.put("apart", "1", &depends(&["base"]));
    shop.install(&["shell", "apart"]);
    for name in ["shell", "lib", "base"] {
        let error = shop.plan_remove(&[name], Options::default()).unwrap_err();
        assert!(matches!(&error, Error::Essential { package, .. } if package == "shell"), "{error}");
        assert_eq!(error.class(), Class::Conflict);
    }
    let error = shop.plan_remove(&["base"], Options::default()).unwrap_err();
    tells(error, &["shell is essential and would be removed", "shell needs lib", "lib needs base"]);
    let options = Options { remove_essential: true, ..Options::default() };
    assert_eq!(shop.plan_remove(&["base"], options).unwrap().items.len(), 4);
}

#[test]
fn a_long_chain_is_told_by_its_ends() {
    let shop = Shop::new();
    shop.put("p0", "1", "");
    for number in 1..30 {
        shop.put(&format!("p{number}"), "1", &depends(&[&format!("p{}", number - 1)]));
    }
    shop.install(&["p29"]);
    shop.root.add_rules(List::Protect, &["p29".into()], None, false).unwrap();
    let text = shop.plan_remove(&["p0"], Options::default()).unwrap_err().to_string();
    tells(&text, &["p29 needs p28", "and so on 19 times", "p1 needs p0"]);
    assert!(!text.contains("p15"), "{text}");
    assert_eq!(shop.plan_remove(&[""], Options::default()).unwrap_err().class(), Class::Usage);
}

#[test]
fn protected_packages_stay_and_the_rule_and_the_chain_are_told() {
    let shop = installed();
    shop.root.add_rules(List::Protect, &["app".into()], Some("ours"), false).unwrap();
    let error = shop.plan_remove(&["base"], Options::default()).unwrap_err();
    let file = shop.root.path().join(".ambar/policy/protect");
    let rule = format!("{}:2", file.display());
    tells(
        &error,
        &["app is protected and would be removed", "app needs lib (>= 1)", "lib needs base", &rule],
    );
    // Neither does anything that is installed push it out.
    shop.put("enemy", "1", "[relations]\nconflicts = ['app']\n");
    let options = Options { allow_removals: true, ..Options::default() };
    let error = shop.plan_install(&["enemy"], options.clone()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    tells(&error, &["app"]);
    // Nor does what replaces it.
    shop.put("newapp", "1", "[relations]\nreplaces = ['app']\n");
    assert!(shop.plan_upgrade(&[], Options::default()).unwrap().is_empty());
    tells(
        shop.plan_install(&["newapp"], Options::default()).unwrap_err(),
        &["takes the place of app", &rule],
    );
    std::fs::remove_file(shop.path().join("newapp-1.ambar")).unwrap();
    shop.root.remove_rules(List::Protect, &["app".into()], false).unwrap();
    assert_eq!(
        changes(&shop.plan_install(&["enemy"], options).unwrap()),
        ["remove app 1", "install enemy 1"]
    );
}

#[test]
fn autoremove_takes_what_nobody_needs_any_more_and_marks_decide() {
    let shop = installed();
    assert!(shop.plan_autoremove().is_empty());
    shop.remove(&["app"]);
    assert!(
        shop.plan_autoremove().is_empty(),
        "other can do with lib: {:?}",
        changes(&shop.plan_autoremove())
    );
    shop.remove(&["other"]);
    assert_eq!(changes(&shop.plan_autoremove()), ["remove base 1", "remove lib 1"]);
    shop.mark("lib", Reason::Explicit);
    assert!(shop.plan_autoremove().is_empty());
    shop.mark("lib", Reason::Automatic);
    shop.mark("spare", Reason::Automatic);
    let plan = shop.plan_autoremove();
    assert_eq!(changes(&plan), ["remove base 1", "remove lib 1", "remove spare 1"]);
    shop.run(&plan);
    assert!(shop.installed().is_empty());
}

#[test]
fn automatic_packages_that_need_only_each_other_fall_together() {
    let shop = Shop::new();
    shop.put("user", "1", &depends(&["a"])).put("a", "1", &depends(&["b"]));
    shop.put("b", "1", &depends(&["c"])).put("c", "1", &depends(&["a", "below"])).put("below", "1", "");
    shop.install(&["user"]);
    shop.remove(&["user"]);
    let plan = shop.plan_autoremove();
    assert_eq!(changes(&plan), ["remove a 1", "remove b 1", "remove below 1", "remove c 1"]);
    assert_eq!(plan.steps.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    // A hold and a protection are reasons to be there.
    shop.root.add_rules(List::Hold, &["below".into()], None, false).unwrap();
    assert_eq!(shop.plan_autoremove().items.len(), 3);
    shop.root.add_rules(List::Protect, &["b".into()], None, false).unwrap();
    assert!(shop.plan_autoremove().is_empty());
}

#[test]
fn recommended_packages_stay_until_they_are_no_reason_any_more() {
    let shop = Shop::new();
    shop.put("app", "1", "[relations]\nrecommends = ['nice']\n").put("nice", "1", "");
    shop.install(&["app"]);
    assert!(shop.plan_autoremove().is_empty());
    let options = Options { no_recommends: true, ..Options::default() };
    let plan = shop.root.plan(ambar::Request::Autoremove { options }).unwrap();
    assert_eq!(changes(&plan), ["remove nice 1"]);
}

#[test]
fn why_gives_the_shortest_chain_from_what_was_asked_for() {
    let shop = installed();
    let why = |name: &str| shop.root.why(name).unwrap().remove(0);
    assert!(why("app").explicit);
    let base = why("base");
    assert!(!base.explicit);
    let chain: Vec<String> = base
        .chain
        .unwrap()
        .iter()
        .map(|link| format!("{} {} {} > {}", link.from, link.kind, link.relation, link.to))
        .collect();
    assert_eq!(chain.len(), 2, "{chain:?}");
    tells(&chain[0], &["app", "lib"]);
    tells(&chain[1], &["lib", "base"]);
    shop.mark("app", Reason::Automatic);
    shop.mark("other", Reason::Automatic);
    assert_eq!(why("lib").chain, None, "nothing needs it");
    assert_eq!(shop.root.why("bas").unwrap_err().class(), Class::NotFound);
}

#[test]
fn who_was_asked_for_under_an_old_name_is_not_swept_away() {
    let shop = Shop::new();
    shop.put("oldname", "1", "").put("auto-old", "1", "").put("user", "1", &depends(&["auto-old"]));
    shop.install(&["oldname", "user"]);
    shop.put("newname", "2", "[relations]\nobsoletes = ['oldname']\n");
    shop.put("auto-new", "2", "[relations]\nreplaces = ['auto-old < 2']\nprovides = ['auto-old']\n");
    let plan = shop.plan_upgrade(&[], Options::default()).unwrap();
    tells(plan.notes.join("\n"), &["oldname is removed: newname replaces it"]);
    shop.run(&plan);
    assert_eq!(shop.installed(), ["auto-new 2", "newname 2*", "user 1*"]);
    assert!(shop.plan_autoremove().is_empty());
}
