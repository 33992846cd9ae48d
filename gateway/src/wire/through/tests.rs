use super::*;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
    [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
}

fn watched(pieces: &[&[u8]]) -> Frames {
    let mut frames = Frames { skip: PREFACE, ..Frames::default() };
    frames.see(&[b'p'; PREFACE]);
    pieces.iter().for_each(|piece| frames.see(piece));
    frames
}

#[test]
fn a_head_is_whole_with_its_last_byte_wherever_it_was_split() {
    let headers = frame(0x1, 0x0, b"one");
    let continued = [frame(0x9, 0x0, b""), frame(0x9, 0x4, b"two")].concat();
    let all = [headers, continued].concat();
    for at in 1..all.len() {
        let (before, after) = all.split_at(at);
        assert!(watched(&[before]).is_within_head(), "{at}");
        let frames = watched(&[before, after]);
        assert_eq!((frames.is_within_head(), frames.ended), (false, 1), "{at}");
    }
}

#[test]
fn other_frames_are_no_heads() {
    let data = frame(0x0, 0x0, b"some of a body");
    let (before, after) = data.split_at(15);
    assert!(!watched(&[before]).is_within_head());
    assert_eq!(watched(&[before, after, &frame(0x1, 0x5, b"one")]).ended, 1);
    assert!(!watched(&[&frame(0x4, 0x1, b"")]).is_within_head());
}
