//! The documents quote the examples as they are.

#[test]
fn the_guide_quotes_the_example_as_it_is() {
    // Red: with a line of either changed.
    let guide = include_str!("../../../../docs/modules.md");
    let hello = include_str!("../../../../examples/hello.rs");
    let quoted = guide.split("```").filter_map(|block| block.strip_prefix("rust,no_run\n"));
    assert!(quoted.into_iter().any(|block| block == hello), "docs/modules.md has another examples/hello.rs");
}
