//! The servers that are measured.

use crate::dialect::Dialect;

/// A server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    /// Ours.
    Veche,
    /// `bench/peers/lean`.
    Lean,
    /// `bench/peers/bare`: it can only fan out.
    Bare,
}

impl Target {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 3] = [Self::Veche, Self::Lean, Self::Bare];

    /// The word for tables; the program is called so too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Veche => "veche",
            Self::Lean => "lean",
            Self::Bare => "bare",
        }
    }

    /// How to speak to it.
    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::Veche => Dialect::Veche,
            Self::Lean => Dialect::Lean,
            Self::Bare => Dialect::Bare,
        }
    }
}
