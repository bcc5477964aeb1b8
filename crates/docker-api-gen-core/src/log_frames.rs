//! Taking the daemon's log frames apart.

use bytes::{Buf as _, Bytes};

/// Takes frames apart, wherever the chunks of the stream end.
///
/// A frame is eight bytes, of which the first names the stream, three are zero, and four give the length, then that
/// many bytes. What a frame holds is given out as it comes, so its length costs no memory.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    header: [u8; 8],
    /// How much of the header has come.
    have: usize,
    /// How much of what the header announces has not come.
    left: u32,
}

/// Bytes of one frame: all of them or some.
#[derive(Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) channel: Channel,
    pub(crate) bytes: Bytes,
    /// Whether the frame ends with them.
    pub(crate) last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Channel {
    Stdin,
    Stdout,
    Stderr,
    /// Not output: the daemon's own words about why the stream ends.
    Failure,
}

/// What is wrong with a stream as frames.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// These bytes stand where a frame should begin.
    NoHeader([u8; 8]),
    /// The stream ended in a header, after this many bytes of it.
    CutHeader(usize),
    /// The stream ended in a frame.
    CutFrame { announced: u32, came: u32 },
}

impl Frames {
    /// The next piece, taken from the front of `input`; `None` once `input` is used up.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Piece>, Fault> {
        loop {
            if self.have < self.header.len() {
                let fits = input.len().min(self.header.len() - self.have);
                self.header[self.have..self.have + fits].copy_from_slice(&input[..fits]);
                self.have += fits;
                input.advance(fits);
                if self.have < self.header.len() {
                    return Ok(None);
                }
                self.left = self.announced();
            }
            let Some(channel) = self.channel() else {
                return Err(Fault::NoHeader(self.header));
            };
            if self.left == 0 {
                self.have = 0;
                continue;
            }
            if input.is_empty() {
                return Ok(None);
            }
            let fits = input
                .len()
                .min(usize::try_from(self.left).unwrap_or(usize::MAX));
            // No more than `left`, which is an `u32`.
            self.left -= fits as u32;
            let last = self.left == 0;
            if last {
                self.have = 0;
            }
            return Ok(Some(Piece {
                channel,
                bytes: input.split_to(fits),
                last,
            }));
        }
    }

    /// Whether the stream may end here.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match self.have {
            0 => Ok(()),
            8 => Err(Fault::CutFrame {
                announced: self.announced(),
                came: self.announced() - self.left,
            }),
            have => Err(Fault::CutHeader(have)),
        }
    }

    fn announced(&self) -> u32 {
        let [.., a, b, c, d] = self.header;
        u32::from_be_bytes([a, b, c, d])
    }

    fn channel(&self) -> Option<Channel> {
        match self.header {
            [0, 0, 0, 0, ..] => Some(Channel::Stdin),
            [1, 0, 0, 0, ..] => Some(Channel::Stdout),
            [2, 0, 0, 0, ..] => Some(Channel::Stderr),
            [3, 0, 0, 0, ..] => Some(Channel::Failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channel: u8, bytes: &[u8]) -> Vec<u8> {
        let mut frame = vec![channel, 0, 0, 0];
        frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        frame.extend_from_slice(bytes);
        frame
    }

    /// Whole frames again, and what the end says.
    fn read(chunks: &[&[u8]]) -> Result<Vec<(Channel, Vec<u8>)>, Fault> {
        let mut decoder = Frames::default();
        let mut frames: Vec<(Channel, Vec<u8>)> = Vec::new();
        let mut open = false;
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(piece) = decoder.next(&mut input)? {
                assert!(!piece.bytes.is_empty());
                if !open {
                    frames.push((piece.channel, Vec::new()));
                }
                let (channel, bytes) = frames.last_mut().unwrap();
                assert_eq!(*channel, piece.channel);
                bytes.extend_from_slice(&piece.bytes);
                open = !piece.last;
            }
            assert!(input.is_empty());
        }
        decoder.finish()?;
        assert!(!open);
        Ok(frames)
    }

    #[test]
    fn a_split_at_any_byte_changes_nothing() {
        let stream = [
            frame(1, b"hello "),
            frame(2, b""),
            frame(2, b"oh\x01\x00\x00\x00"),
            frame(0, b"typed"),
            frame(1, &[1; 300]),
            frame(3, b"gone"),
        ]
        .concat();
        let expected = vec![
            (Channel::Stdout, b"hello ".to_vec()),
            (Channel::Stderr, b"oh\x01\x00\x00\x00".to_vec()),
            (Channel::Stdin, b"typed".to_vec()),
            (Channel::Stdout, vec![1; 300]),
            (Channel::Failure, b"gone".to_vec()),
        ];
        assert_eq!(read(&[&stream]).unwrap(), expected);
        for first in 0..=stream.len() {
            let (head, tail) = stream.split_at(first);
            assert_eq!(read(&[head, tail]).unwrap(), expected, "split at {first}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&bytes).unwrap(), expected);
    }

    #[test]
    fn an_end_inside_a_frame_is_noticed_everywhere() {
        let stream = frame(1, b"hello");
        for end in 1..8 {
            assert_eq!(read(&[&stream[..end]]), Err(Fault::CutHeader(end)));
        }
        for end in 8..stream.len() {
            let came = end as u32 - 8;
            assert_eq!(
                read(&[&stream[..end]]),
                Err(Fault::CutFrame { announced: 5, came }),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_frame_longer_than_announced_is_noticed() {
        let mut stream = frame(1, b"hello");
        stream.extend_from_slice(b" and more");
        assert_eq!(read(&[&stream]), Err(Fault::NoHeader(*b" and mor")));
        // Seen as soon as the header is whole, and again however often it is asked.
        let mut decoder = Frames::default();
        let mut input = Bytes::from_static(b"no frames here");
        for _ in 0..3 {
            assert_eq!(decoder.next(&mut input), Err(Fault::NoHeader(*b"no frame")));
        }
    }

    #[test]
    fn a_huge_frame_is_given_out_as_it_comes() {
        let mut decoder = Frames::default();
        let mut input = Bytes::from_static(b"\x01\0\0\0\xff\xff\xff\xffabc");
        let piece = decoder.next(&mut input).unwrap().unwrap();
        assert_eq!(
            piece,
            Piece {
                channel: Channel::Stdout,
                bytes: Bytes::from_static(b"abc"),
                last: false
            }
        );
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert_eq!(
            decoder.finish(),
            Err(Fault::CutFrame {
                announced: u32::MAX,
                came: 3
            })
        );
    }
}
