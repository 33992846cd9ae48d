//! The files of `config/`, each held to what its product's public pages say. The doc comment of a test begins with the rows of
//! `docs/compatibility.md` that it proves.

mod agentkanban;
mod all;
mod calmboard;
mod clock;
mod curl;
mod imboard;
mod imbrace;
mod postboost;
mod support;
