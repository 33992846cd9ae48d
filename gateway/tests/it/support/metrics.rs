//! One scrape of `/metrics`.

/// Prometheus text, taken apart.
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The sum of all series of `name` (without the prefix `portcullis_`) that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        self.series(name)
            .filter(|(found, _)| labels.iter().all(|label| found.iter().any(|l| l == label)))
            .map(|(_, value)| value)
            // Of nothing the sum of floats is -0.
            .fold(0.0, |sum, value| sum + value)
    }

    /// [`Self::sum`] of what is counted in whole numbers.
    #[track_caller]
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        // The sum of nothing is -0.
        (self.sum(name, labels) + 0.0).to_string().parse().unwrap()
    }

    /// Labels and value of every series of `name`.
    fn series(&self, name: &str) -> impl Iterator<Item = (Vec<String>, f64)> {
        let name = format!("portcullis_{name}");
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap().split(',').map(str::to_owned);
            (found == name).then(|| (labels.collect(), value.parse().unwrap()))
        })
    }
}
