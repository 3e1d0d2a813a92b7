//! Random programs over three nodes, compared with a plain model.

mod model;
mod run;
mod step;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use run::run;
use step::{Program, step};

/// Number of programs.
const CASES: u32 = 256;

/// Longest program.
const STEPS: usize = 40;

#[test]
fn three_nodes_behave_as_the_model_says() {
    use proptest::prelude::*;

    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let program = (any::<bool>(), vec(step(), 1..STEPS)).prop_map(|(is_slow, steps)| Program { is_slow, steps });
    runner.run(&program, |program| run(&program).map_err(TestCaseError::fail)).unwrap();
}
