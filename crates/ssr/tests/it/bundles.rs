//! Bundles that misbehave on demand.

use std::{num::NonZeroUsize, time::Duration};

use veche_ssr::{Bundle, Renderer, Settings};

/// A bundle whose `__ssr` does what its boot says, and counts its renders.
const SOURCE: &str = r"
let renders = 0;
const me = `${Math.random()}`;
const kept = [];
const acts = {
  hello: (boot) => `<p>${boot.name}</p>`,
  count: () => `${++renders}`,
  loop: () => { for (;;); },
  caught: () => { for (;;) { try { for (;;); } catch { renders++; } } },
  regexp: () => `${/^(a+)+$/.test('a'.repeat(64) + 'b')}`,
  bomb: () => { for (;;) kept.push('x'.repeat(1e6) + kept.length); },
  deep: () => { const down = () => down() + 1; return `${down()}`; },
  throw: function boom() { throw new Error('it went off'); },
  text: () => { throw 'only a text'; },
  who: (boot) => { for (let i = 0; i < boot.turns; i++) kept.length = 0; return me; },
};
globalThis.__ssr = (json) => {
  const boot = JSON.parse(json);
  if (boot.act === 'number') return 5;
  if (boot.act === 'nothing') return ['{}', ''];
  const body = acts[boot.act](boot);
  return [JSON.stringify({ route: boot.act, status: 200, head: '' }), body];
};
";

/// Long enough for a machine that is busy with something else.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

pub(crate) fn bundle() -> Bundle {
    Bundle::compile(SOURCE).expect("it is a module")
}

/// A renderer of so many threads whose renders may take so long.
pub(crate) fn renderer(threads: usize, deadline: Duration) -> Renderer {
    let threads = NonZeroUsize::new(threads).expect("at least one");
    Renderer::start(bundle(), Settings { threads, deadline, ..Settings::default() }).expect("it runs")
}

/// A boot that asks for this.
pub(crate) fn act(act: &str) -> String {
    format!(r#"{{"act":"{act}","name":"Ann"}}"#)
}
