//! `#[test]` as this project's own test harness (`tests/it/harness.rs`) takes it.
//!
//! The standard library's harness cannot tell at run time that a test has to be left out, nor which tests
//! take longest. A harness of one's own gets no list of the tests from the compiler, so each test enters
//! itself.

use proc_macro::{TokenStream, TokenTree};

/// Enters a function without parameters into the list of tests.
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.clone().into_iter();
    let is_fn =
        |token: TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn");
    let name = tokens.by_ref().find_map(|token| is_fn(token).then_some(()));
    let name = name.and_then(|()| tokens.next());
    let entry = match name {
        Some(TokenTree::Ident(name)) => format!(
            "::inventory::submit! {{ crate::harness::Test {{ \
                name: concat!(module_path!(), \"::{name}\"), run: {name} }} }}"
        ),
        _ => "compile_error!(\"`#[test]` belongs on a function\");".to_owned(),
    };
    let entry: TokenStream = entry.parse().unwrap_or_default();
    function.into_iter().chain(entry).collect()
}
