//! What the macros accept, and what a person reads who wrote something they do not.

/// One process compiles all cases: run apart, they would wait for each other's lock on the build directory.
#[test]
fn the_compiler_says_what_is_wrong_and_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*/pass/*.rs");
    cases.compile_fail("tests/ui/*/fail/*.rs");
}
