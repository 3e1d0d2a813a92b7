//! Programs that the macros accept, and the compiler's messages for those they do not.

/// One process compiles all cases: run apart, they would wait for each other's lock on the build directory.
#[test]
fn the_compiler_says_what_is_wrong_and_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*/pass/*.rs");
    cases.compile_fail("tests/ui/*/fail/*.rs");
}
