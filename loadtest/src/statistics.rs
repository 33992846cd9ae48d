//! Order statistics of a few rounds.

/// The lower quartile, the median and the upper quartile of `values`, linear between neighbours; `NaN` of none.
pub(crate) fn quartiles(values: impl IntoIterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        // In quarters of a position, to stay with whole numbers.
        let place = quarter * sorted.len().saturating_sub(1);
        let below = sorted.get(place / 4).copied().unwrap_or(f64::NAN);
        let above = sorted.get(place.div_ceil(4)).copied().unwrap_or(f64::NAN);
        below + (above - below) * (place % 4) as f64 / 4.0
    })
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let [_, median, _] = quartiles(values);
    median
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: [f64; 3], expected: [f64; 3]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn quartiles_of_five_are_the_second_third_and_fourth() {
        assert_near(quartiles([5.0, 3.0, 1.0, 4.0, 2.0]), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn quartiles_of_an_even_number_lie_between_neighbours() {
        assert_near(quartiles([4.0, 1.0, 3.0, 2.0]), [1.75, 2.5, 3.25]);
    }

    #[test]
    fn the_quartiles_of_one_are_that_one() {
        assert_near(quartiles([7.0]), [7.0; 3]);
    }

    #[test]
    fn of_nothing_there_is_no_median() {
        assert!(median([]).is_nan());
    }
}
