use proptest::prelude::*;

use super::*;

fn frame(payload: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![0x82];
    match payload {
        0..=125 => bytes.push(mask | payload as u8),
        126..=65_535 => {
            bytes.push(mask | 0x7E);
            bytes.extend((payload as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 0x7F);
            bytes.extend((payload as u64).to_be_bytes());
        }
    }
    bytes.extend(std::iter::repeat_n(7, if masked { 4 } else { 0 }));
    bytes.extend(std::iter::repeat_n(0x88, payload));
    bytes
}

proptest! {
    #[test]
    fn a_boundary_is_seen_exactly_where_frames_end_however_the_bytes_are_cut(
        sizes in prop::collection::vec((prop_oneof![0usize..300, Just(65_535), Just(70_000)], any::<bool>()), 1..5),
        piece in 1usize..5_000,
    ) {
        let mut bytes = Vec::new();
        let mut ends = std::collections::HashSet::from([0]);
        for (size, masked) in sizes {
            bytes.extend(frame(size, masked));
            ends.insert(bytes.len());
        }
        let mut frames = Frames::default();
        let mut seen = 0;
        for piece in bytes.chunks(piece) {
            frames.see(piece);
            seen += piece.len();
            prop_assert_eq!(frames.at_boundary(), ends.contains(&seen));
        }
    }
}

#[test]
fn the_close_frame_is_a_frame() {
    let mut frames = Frames::default();
    frames.see(&POLICY_VIOLATION);
    assert!(frames.at_boundary());
}
