//! A configuration that changes while the gateway runs.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Gateway;

impl Gateway {
    /// The file that it was started with.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("portcullis.yaml")
    }

    /// Renames a changed configuration into the place of the one that is there.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&str) -> String) {
        let changed = change(&fs::read_to_string(self.config()).unwrap());
        let beside = self.folder().join("portcullis.yaml.new");
        fs::write(&beside, changed).unwrap();
        fs::rename(beside, self.config()).unwrap();
    }

    /// [`Self::rewrite`], of one text by another, which must be there.
    #[track_caller]
    pub(crate) fn replace(&self, old: &str, new: &str) {
        self.rewrite(|text| {
            assert!(text.contains(old), "no {old} in\n{text}");
            text.replace(old, new)
        });
    }

    /// `POST /v1/config/reload`.
    pub(crate) fn reload(&self) -> (u16, Value) {
        self.admin("POST", "/v1/config/reload", &Value::Null)
    }

    /// What the files say is in force afterwards; the generation. (Whoever watches them may have been faster.)
    #[track_caller]
    pub(crate) fn reloaded(&self) -> u64 {
        let (status, answer) = self.reload();
        assert_eq!(status, 200, "{answer}");
        answer["generation"].as_u64().unwrap()
    }

    /// Waits for a line of the log with this message and these fields.
    #[track_caller]
    pub(crate) fn told(&self, message: &str, fields: &[(&str, Value)]) -> Value {
        let matches = |line: &Value| {
            line["message"] == message && fields.iter().all(|(name, value)| line[*name] == *value)
        };
        self.stderr.wait(&format!("line {message:?} with {fields:?}"), |lines| {
            lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(matches)
        })
    }

    /// Waits until this generation is in force.
    #[track_caller]
    pub(crate) fn in_force(&self, generation: u64) {
        self.told("a new configuration is in force", &[("generation", json!(generation))]);
    }

    /// Waits for a refusal, and gives its place, path and message.
    #[track_caller]
    pub(crate) fn refuses(&self, word: &str) -> String {
        self.stderr.wait(&format!("refusal that says {word:?}"), |lines| {
            let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let refusals =
                events.filter(|event| event["message"] == "a new configuration is refused");
            let mut problems = refusals.map(|event| event["problem"].as_str().unwrap().to_owned());
            problems.find(|problem| problem.contains(word))
        })
    }

    /// How many reloads had this result.
    pub(crate) fn reloads(&self, result: &str) -> u64 {
        self.metrics().count("config_reloads_total", &[("result", result)])
    }
}
