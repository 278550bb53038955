//! The house's rules as a test: arrows between crates, purity, sizes, words, documents.
//!
//! Each rule is a function from what it judges to its complaints, so that a test can show it a bad sample.

mod arrows;
mod code;
mod documents;
mod manifests;
mod sizes;
mod tree;

use crate::tree::Tree;

/// Fails with every complaint on a line of its own.
fn assert_clean(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn crates_depend_only_on_what_lies_below_them() {
    assert_clean(arrows::complaints(&arrows::of_this_workspace()));
}

#[test]
fn manifests_take_lints_and_versions_from_the_workspace() {
    assert_clean(manifests::complaints(&Tree::of_this_repository()));
}

#[test]
fn the_protocol_is_pure_and_time_comes_from_the_clock() {
    assert_clean(code::impurities(&Tree::of_this_repository()));
}

#[test]
fn sources_have_no_forbidden_words() {
    assert_clean(code::forbidden_words(&Tree::of_this_repository()));
}

#[test]
fn files_and_functions_are_short() {
    assert_clean(sizes::complaints(&Tree::of_this_repository()));
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    assert_clean(code::machine_paths(&Tree::of_this_repository()));
}

#[test]
fn documents_link_to_files_that_exist() {
    assert_clean(documents::broken_links(&Tree::of_this_repository()));
}

#[test]
fn decisions_are_short_numbered_and_listed() {
    assert_clean(documents::decisions(&Tree::of_this_repository()));
}

#[test]
fn the_readme_has_the_same_headings_in_both_languages() {
    assert_clean(documents::readmes(&Tree::of_this_repository()));
}
