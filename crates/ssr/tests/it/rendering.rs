//! What a bundle does wrong ends its own render and no other.

use std::time::{Duration, Instant};

use veche_ssr::{Bundle, RenderError, Renderer, Settings};

use crate::bundles::{PATIENT, act, bundle, renderer};

/// Shorter than anybody's patience; a render that ends by it is past it by definition.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_page_is_made_of_its_boot() {
    let page = renderer(1, PATIENT).render(act("hello")).await.expect("it renders");
    assert_eq!((page.route.as_str(), page.status, page.body.as_str()), ("hello", 200, "<p>Ann</p>"));
}

#[tokio::test]
async fn what_does_not_end_is_ended_by_its_deadline_and_the_next_render_works() {
    // Red: an engine without the interrupt handler, which keeps the one thread for ever.
    for endless in ["loop", "caught", "regexp"] {
        let renderer = renderer(1, SHORT);
        assert_eq!(renderer.render(act(endless)).await, Err(RenderError::Late), "{endless}");
        works_again(&renderer).await;
    }
}

/// The thread may be a moment late, or busy making its engine.
async fn works_again(renderer: &Renderer) {
    let began = Instant::now();
    loop {
        match renderer.render(act("hello")).await {
            Ok(page) => return assert_eq!(page.body, "<p>Ann</p>"),
            Err(error) => assert!(began.elapsed() < PATIENT, "it never works again: {error}"),
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_the_next_render_has_a_new_engine() {
    // Red: a thread that keeps its engine; the second `count` is 2.
    let renderer = renderer(1, PATIENT);
    for (wrong, expected) in [
        ("throw", "it went off"),
        ("text", "only a text"),
        ("deep", "call stack"),
        ("bomb", "out of memory"),
        ("number", "array"),
        ("nothing", "missing field"),
    ] {
        assert_eq!(renderer.render(act("count")).await.expect("it renders").body, "1", "before {wrong}");
        let error = renderer.render(act(wrong)).await.expect_err(wrong);
        assert!(error.to_string().contains(expected), "{wrong}: {error}");
    }
    assert_eq!(renderer.render(act("count")).await.expect("it renders").body, "1");
}

#[tokio::test]
async fn an_error_carries_its_stack() {
    let error = renderer(1, PATIENT).render(act("throw")).await.expect_err("it throws");
    let RenderError::Script { message, stack } = error else { panic!("{error}") };
    assert_eq!(message, "it went off");
    assert!(stack.contains("boom") && stack.contains("ssr.js:"), "{stack}");
}

#[tokio::test]
async fn an_engine_is_made_anew_after_so_many_renders() {
    let settings = Settings { deadline: PATIENT, renders_per_engine: 3, ..Settings::default() };
    let settings = Settings { threads: 1.try_into().expect("one"), ..settings };
    let renderer = Renderer::start(bundle(), settings).expect("it runs");
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(renderer.render(act("count")).await.expect("it renders").body);
    }
    assert_eq!(counts, ["1", "2", "3", "1", "2", "3", "1"]);
}

#[test]
fn a_bundle_that_cannot_run_is_refused_at_the_start() {
    let refusal = |source: &str| {
        let started = Bundle::compile(source).and_then(|bundle| Renderer::start(bundle, Settings::default()));
        started.expect_err("it cannot run").to_string()
    };
    assert!(refusal("let = ;").contains("failed"));
    assert!(refusal("throw new Error('at once')").contains("at once"));
    assert!(refusal("globalThis.other = 1").contains("failed"));
    assert!(refusal("for (;;);").contains("failed"), "the module itself has a deadline too");
}
