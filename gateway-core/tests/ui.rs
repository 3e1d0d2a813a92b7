//! The compiler's messages for programs that the macros do not accept; `accepted.rs` has those that they do.

/// One process has all cases checked at once. With a program to run among them each would be built alone, and all that it depends on.
#[test]
fn the_compiler_says_what_is_wrong_and_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*/fail/*.rs");
}
