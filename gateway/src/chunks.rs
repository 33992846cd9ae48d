//! Watches the framing of a chunked request body on its way to the codec (RFC 9112, section 7.1).
//!
//! The codec takes a chunk line without digits for the last chunk, and any octet for an extension. A peer in front of us that
//! reads them otherwise would see another message, so such a line is refused here, before the codec has seen it.

/// Hexadecimal digits of a size: all that 64 bits hold.
const DIGITS: u8 = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the beginning of a chunk line, or within its digits.
    #[default]
    Size,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataEndLine,
    /// At the beginning of a line of the trailer section, and within one.
    Trailer,
    TrailerLine,
    LastEnd,
    /// What follows is the next request's.
    Ended,
}

/// Follows one body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    state: State,
    digits: u8,
    left: u64,
}

impl Chunks {
    /// The next bytes of the body; how many of them come before a byte that leaves its line without a single meaning.
    pub fn see(&mut self, piece: &[u8]) -> usize {
        let mut bytes = piece;
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == State::Data {
                let skip = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
                if self.left == 0 {
                    self.state = State::DataEnd;
                }
                continue;
            }
            match self.step(byte) {
                Some(state) => self.state = state,
                None => break,
            }
            bytes = rest;
        }
        piece.len() - bytes.len()
    }

    fn step(&mut self, byte: u8) -> Option<State> {
        match (self.state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() && self.digits < DIGITS => {
                let value = (byte as char).to_digit(16)?;
                self.left = (self.left << 4) | u64::from(value);
                self.digits += 1;
                Some(State::Size)
            }
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => Some(State::Extension),
            (State::Size, b'\r') if self.digits > 0 => Some(State::SizeEnd),
            (State::Extension, b'\r') => Some(State::SizeEnd),
            (State::Extension, b'\t') => Some(State::Extension),
            (State::Extension, _) if !byte.is_ascii_control() => Some(State::Extension),
            (State::SizeEnd, b'\n') => {
                self.digits = 0;
                Some(if self.left == 0 { State::Trailer } else { State::Data })
            }
            (State::DataEnd, b'\r') => Some(State::DataEndLine),
            (State::DataEndLine, b'\n') => Some(State::Size),
            (State::Trailer, b'\r') => Some(State::LastEnd),
            (State::TrailerLine, b'\n') => Some(State::Trailer),
            (State::Trailer, b'\n') => None,
            (State::Trailer | State::TrailerLine, _) => Some(State::TrailerLine),
            (State::LastEnd, b'\n') | (State::Ended, _) => Some(State::Ended),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
