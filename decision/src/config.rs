//! Configuration: YAML → a located tree → `model` (1:1, no behaviour) → `compile` (every problem at once, each with its
//! place) → `snapshot` (nothing left to parse or to fail).

pub mod snapshot;
