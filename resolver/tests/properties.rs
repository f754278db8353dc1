//! Random universes against the judge.
#[path = "../examples/solve_cases/case.rs"]
mod case;
mod oracle;
mod random;
#[path = "../examples/solve_cases/rpm.rs"]
mod rpm;

use oracle::Model;
use proptest::prelude::*;
use random::Scope;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a(case in random::case(Scope { slots: true, broken: false, wishes: true }, 10)) {
        let model = Model::new(&case);
        let n = model.states().len();
        eprintln!("{} pk {} inst {} states {} best {:?}", serde_json::to_string(&case.request).unwrap().len(), case.packages.len(), case.installed.len(), n, model.best().map(|b| b.0));
    }
}
