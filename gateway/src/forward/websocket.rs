//! Where WebSocket frames begin and end (RFC 6455, section 5.2): enough to know where a frame of ours may stand.

/// A close frame with status 1008, "policy violation".
pub const POLICY_VIOLATION: [u8; 4] = [0x88, 0x02, 0x03, 0xF0];

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub struct Frames {
    /// Bytes of the frame's head so far: at most 14.
    head: [u8; 14],
    length: usize,
    /// Bytes of payload that are still to come.
    payload: u64,
}

impl Frames {
    /// Whether a frame has just ended, or none has begun.
    pub const fn at_boundary(&self) -> bool {
        self.length == 0 && self.payload == 0
    }

    /// The next bytes of the direction.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let skip = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
                continue;
            }
            if let Some(slot) = self.head.get_mut(self.length) {
                *slot = *first;
            }
            self.length += 1;
            bytes = rest;
            if let Some(payload) = self.payload_length() {
                (self.length, self.payload) = (0, payload);
            }
        }
    }

    /// The payload's length, once the head is whole.
    fn payload_length(&self) -> Option<u64> {
        let [_, second, rest @ ..] = self.head;
        if self.length < 2 {
            return None;
        }
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let extended = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.length < 2 + extended + mask {
            return None;
        }
        let bytes = rest.iter().take(extended);
        Some(match extended {
            0 => u64::from(second & 0x7F),
            _ => bytes.fold(0, |length, byte| (length << 8) | u64::from(*byte)),
        })
    }
}

#[cfg(test)]
mod tests;
