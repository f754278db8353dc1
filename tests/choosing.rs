//! Choosing packages from directories: installing by name, upgrading, downgrading, and what is said about it.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/shop.rs"]
mod shop;

use ambar::policy::List;
use ambar::{Class, Error, Options, OsPath, Plan, Request, Silent, WhyNot};
use shop::*;

#[test]
fn a_name_brings_what_it_needs_and_that_is_marked_automatic() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib >= 2", "tool | other"])).put("lib", "1", "").put("lib", "2", "");
    shop.put("tool", "1", &depends(&["lib"])).put("unrelated", "1", "");
    let plan = shop.plan_install(&["app"], Options::default()).unwrap();
    assert_eq!(comes(&plan), ["app 1", "lib 2", "tool 1"]);
    assert_eq!(plan.steps, [["lib"], ["tool"], ["app"]], "each comes after what it needs");
    assert!(!shop.root.path().exists(), "a plan makes nothing");
    shop.run(&plan);
    assert_eq!(shop.installed(), ["app 1*", "lib 2", "tool 1"]);
    common::verified(&shop.root);
    // What is asked for later was asked for; again, nothing is to be done.
    let plan = shop.install(&["lib"]);
    assert_eq!(changes(&plan), ["mark lib 2"]);
    assert!(shop.install(&["app", "lib"]).is_empty());
    assert_eq!(shop.installed(), ["app 1*", "lib 2*", "tool 1"]);
}

#[test]
fn what_is_recommended_comes_where_it_can_unless_it_is_left_out() {
    let shop = Shop::new();
    shop.put("app", "1", "[relations]\nrecommends = ['nice', 'broken', 'absent']\nsuggests = ['extra']\n");
    shop.put("nice", "1", "").put("extra", "1", "").put("broken", "1", &depends(&["nothing"]));
    assert_eq!(comes(&shop.plan_install(&["app"], Options::default()).unwrap()), ["app 1", "nice 1"]);
    let options = Options { no_recommends: true, ..Options::default() };
    assert_eq!(comes(&shop.plan_install(&["app"], options).unwrap()), ["app 1"]);
}

#[test]
fn what_is_masked_or_excluded_is_not_chosen_and_the_rule_is_told() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib"])).put("lib", "1", "").put("lib", "2", "");
    shop.root.add_rules(List::Mask, &["lib >= 2".into()], Some("it leaks"), false).unwrap();
    assert_eq!(comes(&shop.plan_install(&["app"], Options::default()).unwrap()), ["app 1", "lib 1"]);
    shop.root.add_rules(List::Mask, &["lib".into()], None, false).unwrap();
    let error = shop.plan_install(&["app"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    let file = shop.root.path().join(".ambar/policy/mask");
    let line_of = |text: &str| -> usize {
        let policy = std::fs::read_to_string(&file).unwrap();
        1 + policy.lines().position(|line| line == text).unwrap()
    };
    let rule = format!("{}:{}", file.display(), line_of("lib"));
    tells(&error, &["needs lib", "is masked by 'lib >= 2'", "(it leaks)", "is masked by 'lib'", &rule]);

    shop.root.remove_rules(List::Mask, &["lib".into(), "lib >= 2".into()], false).unwrap();
    let without = |text: &str| Options { exclude: vec![text.into()], ..Options::default() };
    assert_eq!(comes(&shop.plan_install(&["app"], without("lib (> 1)")).unwrap()), ["app 1", "lib 1"]);
    let error = shop.plan_install(&["app"], without("l?b")).unwrap_err();
    tells(&error, &["excluded by 'l?b'"]);
}

#[test]
fn upgrade_takes_everything_or_what_is_named_and_leaves_what_is_held() {
    let shop = Shop::new();
    for name in ["a", "b", "c"] {
        shop.put(name, "1", "");
    }
    shop.install(&["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        shop.put(name, "2", "").put(name, "1.5", "");
    }
    shop.root.add_rules(List::Hold, &["c".into()], None, false).unwrap();
    let one = shop.plan_upgrade(&["a"], Options::default()).unwrap();
    assert_eq!(changes(&one), ["upgrade a 2"]);
    assert_eq!(one.items[0].replaces.as_deref(), Some("1"));
    let all = shop.plan_upgrade(&[], Options::default()).unwrap();
    assert_eq!(changes(&all), ["upgrade a 2", "upgrade b 2"]);
    tells(all.notes.join("\n"), &["c is held and stays as it is"]);
    shop.run(&all);
    assert_eq!(shop.installed(), ["a 2*", "b 2*", "c 1*"]);
    let again = shop.plan_upgrade(&[], Options::default()).unwrap();
    assert!(again.is_empty(), "{:?}", changes(&again));
    // Whoever names it means it.
    assert_eq!(changes(&shop.plan_upgrade(&["c"], Options::default()).unwrap()), ["upgrade c 2"]);
    tells(shop.plan_upgrade(&["d"], Options::default()).unwrap_err(), &["d is not installed"]);
}

#[test]
fn an_upgrade_that_does_not_fit_waits_for_the_others() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib = 1"])).put("lib", "1", "").put("other", "1", "");
    shop.install(&["app", "other"]);
    shop.put("lib", "2", "").put("other", "2", "");
    let plan = shop.plan_upgrade(&[], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["upgrade other 2"]);
    // With the app's next version both can go on.
    shop.put("app", "2", &depends(&["lib = 2"]));
    let plan = shop.plan_upgrade(&[], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["upgrade app 2", "upgrade lib 2", "upgrade other 2"]);
    shop.run(&plan);
    assert_eq!(shop.installed(), ["app 2*", "lib 2", "other 2*"], "reasons stay what they were");
}

#[test]
fn security_only_takes_what_mends_a_problem_since_the_installed_release() {
    let shop = Shop::new();
    let history = |releases: &[(u32, &str)]| -> String {
        let newest = releases[0].0;
        let mut text = format!("order = 'pisi'\nrelease = '{newest}'\n");
        for (release, kinds) in releases {
            text += &format!("[[history]]\nrelease = '{release}'\nversion = '1.0'\nkinds = [{kinds}]\n");
        }
        text
    };
    for name in ["mended", "long-ago", "newer"] {
        shop.put(name, "1.0", &history(&[(2, ""), (1, "'security'")]));
    }
    shop.install(&["mended", "long-ago", "newer"]);
    shop.clear();
    // The release that mends is not the last one.
    shop.put("mended", "1.0", &history(&[(4, ""), (3, "'security'"), (2, "")]));
    shop.put("long-ago", "1.0", &history(&[(3, ""), (2, ""), (1, "'security'")]));
    shop.put("newer", "1.0", &history(&[(3, "'critical'"), (2, "")]));
    let options = Options { security_only: true, ..Options::default() };
    assert_eq!(changes(&shop.plan_upgrade(&[], options).unwrap()), ["upgrade mended 1.0-4"]);
    assert_eq!(shop.plan_upgrade(&[], Options::default()).unwrap().items.len(), 3);
}

#[test]
fn downgrade_takes_the_newest_that_is_older_and_says_when_there_is_none() {
    let shop = Shop::new();
    shop.put("a", "3", "");
    shop.install(&["a"]);
    shop.put("a", "1", "").put("a", "2", "").put("a", "4", "");
    let plan = shop.plan_downgrade(&["a"], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["downgrade a 2"]);
    shop.run(&plan);
    shop.run(&shop.plan_downgrade(&["a"], Options::default()).unwrap());
    let error = shop.plan_downgrade(&["a"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    tells(error, &["no source has a version of a before 1"]);
    assert_eq!(shop.installed(), ["a 1*"]);
}

#[test]
fn nothing_becomes_older_or_goes_unless_that_is_allowed() {
    let shop = Shop::new();
    shop.put("lib", "2", "").put("rival", "1", "");
    shop.install(&["lib", "rival"]);
    shop.put("lib", "1", "").put("old", "1", &depends(&["lib < 2"]));
    shop.put("new", "1", "[relations]\nconflicts = ['rival']\n");
    let error = shop.plan_install(&["old"], Options::default()).unwrap_err();
    tells(&error, &["needs lib (< 2)", "is older than the installed 2", "allow an older version of lib"]);
    let options = Options { allow_downgrades: true, ..Options::default() };
    assert_eq!(changes(&shop.plan_install(&["old"], options).unwrap()), ["downgrade lib 1", "install old 1"]);
    let error = shop.plan_install(&["new"], Options::default()).unwrap_err();
    tells(&error, &["new 1", "rival"]);
    let options = Options { allow_removals: true, ..Options::default() };
    let plan = shop.plan_install(&["new"], options).unwrap();
    assert_eq!(changes(&plan), ["install new 1", "remove rival 1"]);
    tells(plan.notes.join("\n"), &["rival is removed"]);
}

#[test]
fn conflicts_count_in_both_directions() {
    let shop = Shop::new();
    shop.put("one", "1", "[relations]\nconflicts = ['two < 2']\n").put("two", "1", "").put("two", "2", "");
    for names in [["one", "two = 1"], ["two = 1", "one"]] {
        tells(shop.plan_install(&names, Options::default()).unwrap_err(), &["one 1", "two 1"]);
    }
    assert_eq!(comes(&shop.plan_install(&["one", "two"], Options::default()).unwrap()), ["one 1", "two 2"]);
    shop.install(&["two = 1"]);
    // The installed one is what the new one conflicts with: it makes way by its upgrade.
    let plan = shop.plan_install(&["one"], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["install one 1", "upgrade two 2"]);
    // A package that conflicts with what it provides itself is not its own enemy.
    shop.put("self", "1", "[relations]\nprovides = ['virtual']\nconflicts = ['virtual', 'self']\n");
    assert_eq!(comes(&shop.plan_install(&["self"], Options::default()).unwrap()), ["self 1"]);
}

#[test]
fn a_package_with_a_new_name_is_upgraded_to_it() {
    let shop = Shop::new();
    shop.put("oldname", "1", "").put("user", "1", &depends(&["oldname"]));
    shop.install(&["user", "oldname"]);
    shop.put("newname", "2", "[relations]\nreplaces = ['oldname']\nprovides = ['oldname (= 2)']\n");
    let plan = shop.plan_upgrade(&[], Options::default()).unwrap();
    assert_eq!(changes(&plan), ["install newname 2", "remove oldname 1"]);
    tells(plan.notes.join("\n"), &["oldname is removed: newname replaces it"]);
    shop.run(&plan);
    assert_eq!(shop.installed(), ["newname 2*", "user 1*"], "who asked for the old name asked for it");
}

#[test]
fn dependencies_on_versions_are_met_by_versions_that_are_provided() {
    let shop = Shop::new();
    shop.put("needs", "1", &depends(&["api >= 3"]));
    shop.put("plain", "9", "[relations]\nprovides = ['api']\n");
    shop.put("low", "9", "[relations]\nprovides = ['api (= 2)']\n");
    let error = shop.plan_install(&["needs"], Options::default()).unwrap_err();
    tells(error, &["needs api (>= 3), which nothing provides"]);
    shop.put("high", "1", "[relations]\nprovides = ['api (= 3.1)']\n");
    assert_eq!(comes(&shop.plan_install(&["needs"], Options::default()).unwrap()), ["high 1", "needs 1"]);
    // A virtual name can be asked for itself.
    assert_eq!(comes(&shop.plan_install(&["api >= 3"], Options::default()).unwrap()), ["high 1"]);
}

#[test]
fn of_alternatives_the_first_is_taken_or_the_one_that_is_there() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["first | second"])).put("first", "1", "").put("second", "1", "");
    assert_eq!(comes(&shop.plan_install(&["app"], Options::default()).unwrap()), ["app 1", "first 1"]);
    let favour = Options { favour: vec!["second".into()], ..Options::default() };
    assert_eq!(comes(&shop.plan_install(&["app"], favour).unwrap()), ["app 1", "second 1"]);
    shop.install(&["second"]);
    assert_eq!(comes(&shop.plan_install(&["app"], Options::default()).unwrap()), ["app 1"]);
}

#[test]
fn slots_are_beside_each_other_and_the_name_says_which() {
    let shop = Shop::new();
    shop.put("py", "2.7", "slot = '2'\n").put("py", "3.1", "slot = '3'\n").put("py", "3.2", "slot = '3'\n");
    assert_eq!(comes(&shop.plan_install(&["py:2"], Options::default()).unwrap()), ["py:2 2.7"]);
    shop.install(&["py:2", "py:3"]);
    assert_eq!(shop.installed(), ["py:2 2.7*", "py:3 3.2*"]);
    shop.put("py", "2.8", "slot = '2'\n");
    assert_eq!(changes(&shop.plan_upgrade(&[], Options::default()).unwrap()), ["upgrade py:2 2.8"]);
    shop.remove(&["py:3"]);
    assert_eq!(shop.installed(), ["py:2 2.7*"]);
}

#[test]
fn tags_are_beside_each_other_too() {
    let shop = Shop::new();
    shop.put("driver", "1", "tag = '5.4'\n").put("driver", "2", "tag = '5.10'\n");
    assert_eq!(comes(&shop.plan_install(&["driver#5.4"], Options::default()).unwrap()), ["driver#5.4 1"]);
    shop.install(&["driver#5.4", "driver#5.10"]);
    assert_eq!(shop.installed(), ["driver#5.10 2*", "driver#5.4 1*"]);
}

#[test]
fn a_misspelt_name_gets_the_nearest_ones() {
    let shop = Shop::new();
    shop.put("libgreet", "1", "").put("app", "1", &depends(&["libgret"]));
    let error = shop.plan_install(&["libgrete"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    tells(error, &["no source has libgrete; did you mean libgreet?"]);
    // All of them are told at once.
    let error = shop.plan_install(&["libgret", "app", "ap", "libgret"], Options::default()).unwrap_err();
    tells(error, &["no source has libgret, ap; did you mean libgreet or app?"]);
    tells(
        shop.plan_install(&["app"], Options::default()).unwrap_err(),
        &["libgret", "did you mean libgreet?"],
    );
}

#[test]
fn another_architecture_slot_or_tag_of_a_name_is_not_what_was_asked_for() {
    let shop = Shop::new();
    shop.put("py", "3", "slot = '3'\n").put("driver", "1", "tag = 'a'\n").put(
        "git",
        "1",
        "arch = 'x86_64'\n",
    );
    let refused = |name: &str, part: &str| {
        let error = shop.plan_install(&[name], Options::default()).unwrap_err();
        assert_eq!(error.class(), Class::NotFound, "{error}");
        tells(error, &[&format!("no source has {name}; did you mean {part}?")]);
        let error = shop.root.why_not(name, &shop.from(), &Options::default()).unwrap_err();
        assert_eq!(error.class(), Class::NotFound, "{error}");
    };
    refused("py:4", "py:3");
    refused("driver#b", "driver#a");
    refused("git:arm64", "git");
    assert_eq!(comes(&shop.plan_install(&["git:x86_64"], Options::default()).unwrap()), ["git 1"]);
}

#[test]
fn what_is_to_be_installed_again_must_be_there_to_install() {
    let shop = Shop::new();
    shop.put("a", "1", "");
    shop.install(&["a"]);
    let options = Options { reinstall: true, ..Options::default() };
    assert_eq!(changes(&shop.plan_install(&["a"], options.clone()).unwrap()), ["reinstall a 1"]);
    shop.clear();
    let error = shop.plan_install(&["a"], options).unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    tells(error, &["no source has a"]);
}

#[test]
fn what_is_missing_may_be_in_a_file_that_cannot_be_read() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib"])).put("fine", "1", "");
    std::fs::write(shop.path().join("lib-1.ambar"), "cut off").unwrap();
    let error = shop.plan_install(&["app"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    tells(&error, &["needs lib, which nothing provides", "could not be read:", "lib-1.ambar"]);
    let error = shop.plan_install(&["lib"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    tells(&error, &["no source has lib", "lib-1.ambar"]);
    assert_eq!(comes(&shop.plan_install(&["fine"], Options::default()).unwrap()), ["fine 1"]);
}

#[test]
fn a_file_is_no_directory_to_choose_from() {
    let shop = Shop::new();
    shop.put("a", "1", "");
    let from = vec![OsPath(shop.path().join("a-1.ambar"))];
    let names = owned(&["a"]);
    let options = Options::default();
    let error = shop.root.plan(Request::Install { files: vec![], names, from, options }).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    tells(error, &["a-1.ambar is no directory to choose packages from"]);
}

#[test]
fn sets_and_components_install_as_a_whole() {
    let shop = Shop::new();
    let component = "components = ['desktop']\n";
    shop.put("panel", "1", component).put("shell", "1", component).put("shell", "2", component);
    shop.put("editor", "1", "").put("meta", "1", &depends(&["@desktop"]));
    assert_eq!(comes(&shop.plan_install(&["@desktop"], Options::default()).unwrap()), ["panel 1", "shell 2"]);
    let plan = shop.plan_install(&["meta"], Options::default()).unwrap();
    assert_eq!(comes(&plan), ["meta 1", "panel 1", "shell 2"]);
    shop.root.add_members("work", &["editor".into(), "@desktop".into(), "shell < 2".into()], false).unwrap();
    shop.install(&["@work"]);
    assert_eq!(shop.installed(), ["editor 1*", "panel 1*", "shell 1*"]);
    let error = shop.plan_install(&["@desktp"], Options::default()).unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    tells(error, &["no source has @desktp; did you mean @desktop?"]);
    let error = shop.plan_install(&["@wrk"], Options::default()).unwrap_err();
    tells(error, &["did you mean @work?"]);
    shop.remove(&["@work"]);
    assert_eq!(shop.installed(), Vec::<String>::new());
}

/// The cycle of the real PiSi index, with one package below it and one above.
fn cycle(dir: &std::path::Path, names: &dyn Fn(&str) -> String) {
    for (name, needs) in [
        ("glib-networking", &["libproxy", "glib2"][..]),
        ("libproxy", &["webkit-gtk2"]),
        ("webkit-gtk2", &["libsoup", "glib2"]),
        ("libsoup", &["glib-networking"]),
        ("glib2", &[]),
        ("epiphany", &["webkit-gtk2"]),
    ] {
        put_as(dir, &format!("{}.ambar", names(name)), name, "1", &depends(needs));
    }
}

#[test]
fn packages_that_need_each_other_are_installed_in_one_step() {
    let shop = Shop::new();
    cycle(&shop.path(), &str::to_owned);
    let plan = shop.install(&["epiphany"]);
    let expected: [&[&str]; 3] =
        [&["glib2"], &["glib-networking", "libproxy", "libsoup", "webkit-gtk2"], &["epiphany"]];
    let sorted: Vec<Vec<String>> = plan
        .steps
        .iter()
        .map(|step| {
            let mut step = step.clone();
            step.sort();
            step
        })
        .collect();
    assert_eq!(sorted, expected);
    assert_eq!(shop.installed().len(), 6);
    common::verified(&shop.root);
    // Down the same way: the user first, the cycle at once.
    let plan = shop.plan_remove(&["libproxy"], Options::default()).unwrap();
    let sizes: Vec<usize> = plan.steps.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 4], "{:?}", plan.steps);
    assert_eq!(plan.steps[0], ["epiphany"]);
}

/// A plan without what differs from place to place: files and roots.
fn bare(mut plan: Plan) -> Plan {
    plan.root = OsPath("root".into());
    if let Request::Install { from, .. } = &mut plan.request {
        from.clear();
    }
    for file in plan.items.iter_mut().filter_map(|item| item.file.as_mut()) {
        file.path = OsPath("file".into());
    }
    plan
}

#[test]
fn the_names_of_files_and_the_order_of_reading_them_decide_nothing() {
    let plans: Vec<Plan> = [
        &(|name: &str| name.to_owned()) as &dyn Fn(&str) -> String,
        &|name| name.chars().rev().collect(),
        &|name| format!("{}/{name}", name.len()),
    ]
    .into_iter()
    .map(|names| {
        let shop = Shop::new();
        for name in ["glib-networking", "libproxy", "webkit-gtk2", "libsoup", "glib2", "epiphany", "x", "y"] {
            let path = shop.path().join(names(name));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        cycle(&shop.path(), names);
        for name in ["x", "y"] {
            let provides = "[relations]\nprovides = ['either']\n";
            put_as(&shop.path(), &format!("{}.ambar", names(name)), name, "1", provides);
        }
        bare(shop.plan_install(&["epiphany", "either"], Options::default()).unwrap())
    })
    .collect();
    assert_eq!(plans[0].items.len(), 7);
    assert_eq!(plans[0], plans[1]);
    assert_eq!(plans[0], plans[2]);
}

#[test]
fn of_two_directories_the_first_wins_a_tie_and_a_newer_version_wins_over_both() {
    let shop = Shop::new();
    let [a, b] = ["a", "b"].map(|name| shop.dir.path().join(name));
    for dir in [&a, &b] {
        put(dir, "same", "1", "");
    }
    put(&a, "newer", "1", "");
    put(&b, "newer", "2", "");
    for (first, second) in [(&a, &b), (&b, &a)] {
        let from = vec![OsPath(first.clone()), OsPath(second.clone())];
        let names = owned(&["same", "newer"]);
        let options = Options::default();
        let plan = shop.root.plan(Request::Install { files: vec![], names, from, options }).unwrap();
        assert_eq!(comes(&plan), ["newer 2", "same 1"]);
        assert!(plan.items[1].file.as_ref().unwrap().path.0.starts_with(first), "{plan:?}");
    }
}

#[test]
fn a_saved_plan_from_a_directory_applies_once() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["lib"])).put("lib", "1", "").put("other", "1", "");
    shop.install(&["other"]);
    let file = shop.dir.path().join("plan");
    shop.plan_install(&["app"], Options::default()).unwrap().save(&file).unwrap();
    let plan = Plan::load(&file).unwrap();
    shop.root.check_saved(&plan).unwrap();
    shop.root.execute(&plan, &Silent).unwrap();
    assert_eq!(shop.installed(), ["app 1*", "lib 1", "other 1*"]);
    // The root has moved on.
    let error = shop.root.check_saved(&plan).unwrap_err();
    assert!(matches!(error, Error::Outdated(_)));
    assert_eq!(error.class(), Class::Conflict);
    tells(error, &["it starts from generation 1, and generation 2 is live"]);
}

#[test]
fn licences_of_what_comes_along_are_asked_for() {
    let shop = Shop::new();
    shop.put("app", "1", &depends(&["codec"]));
    shop.put("codec", "1", "[properties]\n'licence.ask' = \"Terms\\nRead this.\"\n");
    let mut plan = shop.plan_install(&["app"], Options::default()).unwrap();
    assert_eq!(
        (&*plan.questions[0].name, &*plan.questions[0].packages),
        ("Terms", &["codec".to_owned()][..])
    );
    assert!(matches!(shop.root.execute(&plan, &Silent).unwrap_err(), Error::Unanswered(_)));
    assert!(shop.installed().is_empty());
    plan.accept_licence("Terms");
    shop.run(&plan);
    assert_eq!(shop.installed(), ["app 1*", "codec 1"]);
}

#[test]
fn why_not_tells_what_is_what_could_be_and_what_cannot_with_corrections_that_work() {
    let shop = Shop::new();
    shop.put("app", "1", "").put("rival", "1", "[relations]\nconflicts = ['app']\n");
    shop.put("lib", "1", "").put("fine", "1", &depends(&["lib"]));
    let ask = |text: &str, options: &Options| shop.root.why_not(text, &shop.from(), options).unwrap();
    shop.install(&["app"]);
    let plain = Options::default();
    assert_eq!(ask("app", &plain), WhyNot::Installed { name: "app".into() });
    let WhyNot::Possible { comes, goes, .. } = ask("fine", &plain) else { panic!("fine can be installed") };
    assert_eq!((comes, goes), (owned(&["fine 1", "lib 1"]), vec![]));
    let WhyNot::Impossible { explanation, .. } = ask("rival", &plain) else { panic!("it conflicts") };
    let text: Vec<&str> = explanation.facts.iter().map(|fact| fact.text.as_str()).collect();
    tells(text.join("\n"), &["rival 1", "app 1"]);
    assert!(explanation.minimal);
    // The correction says to let the other go: that works.
    let helps = explanation.corrections.iter().find(|one| one.text.contains("app")).unwrap();
    assert_eq!(helps.text, "remove app 1");
    shop.remove(&["app"]);
    shop.install(&["rival"]);
    assert_eq!(shop.installed(), ["rival 1*"]);
    // What install would make older why-not would, too.
    shop.put("rival", "2", "");
    shop.run(&shop.plan_upgrade(&["rival"], Options::default()).unwrap());
    let WhyNot::Possible { comes, .. } = ask("rival = 1", &plain) else { panic!("it can become older") };
    assert_eq!(comes, ["rival 1"]);
    assert_eq!(shop.root.why_not("rivl", &shop.from(), &plain).unwrap_err().class(), Class::NotFound);
}
