//! What comes of a case, in the neutral format.

use ambar_resolver::{Answer, Change, Impossible, solve};
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::neutral::Universes;

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// The case's.
    pub(crate) id: String,
    /// `solved`, `unsolvable`, `budget` or `invalid`.
    pub(crate) status: String,
    /// What is installed afterwards, sorted.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<Vec<usize>>,
    /// What changes, step by step; an old version is in the step of the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Vec<Vec<usize>>>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<String>,
    /// Whether no better answer is possible.
    #[serde(skip)]
    pub(crate) proven: bool,
    /// What it costs.
    #[serde(skip)]
    pub(crate) cost: Vec<u32>,
}

/// Solves a case.
pub(crate) fn answer(case: &Case) -> Answered {
    match attempt(case) {
        Ok(answered) => answered,
        Err(reason) => invalid(&case.id, reason),
    }
}

/// The answer to something that is no case.
pub(crate) fn invalid(id: &str, reason: String) -> Answered {
    Answered {
        id: id.to_owned(),
        status: "invalid".to_owned(),
        explanation: Some(reason),
        ..Answered::default()
    }
}

fn attempt(case: &Case) -> Result<Answered, String> {
    let universes = Universes::new(case)?;
    let world = universes.world(case);
    let request = universes.request(case, &world)?;
    let answered = Answered { id: case.id.clone(), ..Answered::default() };
    Ok(match solve(&world, &request) {
        Answer::Solved(solution) => {
            let id = |package| universes.id(&world, package).ok_or("a package from nowhere");
            let mut state =
                solution.packages.iter().map(|package| id(*package)).collect::<Result<Vec<_>, _>>()?;
            state.sort_unstable();
            let mut order = Vec::new();
            for step in &solution.steps {
                let mut group = Vec::new();
                for change in &step.changes {
                    group.push(id(change.package())?);
                    if let Change::Install { replaces, .. } = change {
                        for old in replaces {
                            group.push(id(*old)?);
                        }
                    }
                }
                order.push(group);
            }
            Answered {
                status: "solved".to_owned(),
                state: Some(state),
                order: Some(order),
                proven: solution.proven,
                cost: solution.cost.to_vec(),
                ..answered
            }
        }
        Answer::Impossible(problem) => {
            Answered { status: "unsolvable".to_owned(), explanation: Some(sentences(&problem)), ..answered }
        }
        Answer::Budget => Answered { status: "budget".to_owned(), ..answered },
    })
}

/// The facts that cannot hold together, one on a line.
pub(crate) fn sentences(problem: &Impossible) -> String {
    let facts: Vec<&str> = problem.facts.iter().map(|fact| fact.text.as_str()).collect();
    facts.join("\n")
}
