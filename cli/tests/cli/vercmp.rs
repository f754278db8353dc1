//! `vercmp`: how versions compare, in every order.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::place::{json, program, ran};

#[test]
fn two_versions_are_compared() {
    for (a, b, answer) in [("1.0", "1.1", "<"), ("1.10", "1.9", ">"), ("2", "2", "="), ("1_rc1", "1", "<")] {
        let ran = ran(program().args(["vercmp", "--order", "pisi", a, b]));
        assert_eq!((ran.code, ran.out.trim_end()), (0, answer), "{a} {b}");
    }
    let invalid = ran(program().args(["vercmp", "--order", "pisi", "1..0", "1"]));
    assert_eq!((invalid.code, &*invalid.out), (1, "invalid\n"));
    assert_eq!(ran(program().args(["vercmp", "--order", "pisi", "1"])).code, 2);
    assert_eq!(ran(program().args(["vercmp", "--order", "nonsense", "1", "2"])).code, 2);
}

#[test]
fn pairs_are_compared_line_by_line() {
    let mut child = program()
        .args(["vercmp", "--order", "pisi", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = b"1.0 1.1\n2\t1\n\n1 2 3\nx..y 1\n\xff\xfe 1\n 3   3 ";
    child.stdin.take().unwrap().write_all(lines).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), ["<", ">", "invalid", "invalid", "invalid", "invalid", "="]);
}

/// The answers for lines on standard input.
fn answers(order: &str, lines: &str) -> Vec<String> {
    let mut child = program()
        .args(["vercmp", "--order", order, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_order_has_its_own_answer() {
    for (a, b, [plain, pisi, pisi1, entropy, debian]) in [
        ("1.0", "1.0.0", ["<", "<", "=", "<", "<"]),
        ("1.01", "1.1", ["=", "=", "=", "<", "="]),
        ("1.0_rc1", "1.0", ["<", "<", "<", "<", "invalid"]),
        ("1.0~rc1", "1.0", ["<", "invalid", "invalid", "=", "<"]),
        ("1:0", "9", ["<", "invalid", "invalid", "=", ">"]),
        (" 1.0", "1.0 ", ["=", "=", "=", "=", "="]),
        ("", "1.0", ["invalid", "invalid", "invalid", "=", "invalid"]),
    ] {
        let orders = ["plain", "pisi", "pisi1", "entropy", "debian"];
        for (order, expected) in orders.into_iter().zip([plain, pisi, pisi1, entropy, debian]) {
            let alone = ran(program().args(["vercmp", "--order", order, a, b]));
            assert_eq!(alone.out.trim_end(), expected, "{order}: {a:?} {b:?}");
            assert_eq!(alone.code, i32::from(expected == "invalid"), "{order}: {a:?} {b:?}");
            assert_eq!(answers(order, &format!("{a}\t{b}\n")), [expected], "{order}: {a:?} {b:?}");
            let object = json(program().args(["--json", "vercmp", "--order", order, a, b]));
            assert_eq!(object["result"]["order"], order);
            assert_eq!(object["result"]["answer"], expected);
        }
    }
}

/// What is no version equals everything on the left and is less on the right, as Entropy had it.
#[test]
fn entropy_has_an_answer_for_what_is_no_version() {
    let lines = "foo\t1.0\n1.0\tfoo\nfoo\tbar\nfoo\tfoo\n\t1\n1\t\n1\t1 \n";
    assert_eq!(answers("entropy", lines), ["=", ">", "=", "=", "=", ">", ">"]);
}

/// Columns: two versions, then the answers of three originals; `E:` and an exception where one refused them.
#[test]
fn the_originals_answers_are_given() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let Ok(table) = std::fs::read_to_string(data.join("golden/version-pairs.tsv")) else {
        println!("skipped: no ../shared/data");
        return;
    };
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split('\t').collect()).collect();
    assert!(rows.len() > 800, "only {} rows", rows.len());
    let lines: String = rows.iter().map(|row| format!("{}\t{}\n", row[0], row[1])).collect();
    for (column, order) in [(2, "pisi"), (3, "pisi1"), (4, "entropy")] {
        for (row, found) in rows.iter().zip(answers(order, &lines)) {
            let expected = if row[column].starts_with("E:") { "invalid" } else { row[column] };
            assert_eq!(found, expected, "{order}: {row:?}");
        }
    }
}
