//! What is true of the decoders whatever they are given: for `cargo test`, and for the fuzz targets in `fuzz/`.
//!
//! Each function takes bytes that anybody may have made, and panics where something is not as it should be.

use std::path::Path;

use bytes::Bytes;

use crate::json::Json;
use crate::json_documents::Documents;
use crate::log_frames::{Channel, Fault, Frames};
use crate::scan;

/// Numbers that look random and are the same each time.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Other numbers for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// One below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        // The generator called xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        // Below 2^32, as `limit` is where it matters.
        number as usize % limit
    }

    /// Cuts bytes into chunks, most of them short.
    fn chunks(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        let bytes = Bytes::copy_from_slice(bytes);
        let (mut chunks, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let longest = [1, 9, 100, 70_000][self.below(4)];
            let length = (1 + self.below(longest)).min(bytes.len() - at);
            chunks.push(bytes.slice(at..at + length));
            at += length;
        }
        chunks
    }
}

fn seed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Log frames: however the stream is cut, the same comes out; and it is kept nowhere, as each piece is a part of the
/// chunk it came in.
pub fn log_frames(bytes: &[u8]) {
    let whole = frames(&[Bytes::copy_from_slice(bytes)]);
    let cut = frames(&Dice::new(seed(bytes)).chunks(bytes));
    assert_eq!(whole, cut);
    assert_eq!(whole, expected_frames(bytes));
}

/// What was written to each channel, one after another, and how it ended.
type Output = (Vec<(u8, Vec<u8>)>, Result<(), Fault>);

fn add(all: &mut Vec<(u8, Vec<u8>)>, channel: u8, bytes: &[u8]) {
    match all.last_mut() {
        Some((last, so_far)) if *last == channel => so_far.extend_from_slice(bytes),
        _ => all.push((channel, bytes.to_vec())),
    }
}

fn frames(chunks: &[Bytes]) -> Output {
    let mut decoder = Frames::default();
    let mut all = Vec::new();
    for chunk in chunks {
        let within = chunk.as_ptr_range();
        let mut input = chunk.clone();
        loop {
            match decoder.next(&mut input) {
                Ok(Some(piece)) => {
                    let place = piece.bytes.as_ptr_range();
                    assert!(within.start <= place.start && place.end <= within.end);
                    assert!(!piece.bytes.is_empty());
                    let channel = match piece.channel {
                        Channel::Stdin => 0,
                        Channel::Stdout => 1,
                        Channel::Stderr => 2,
                        Channel::Failure => 3,
                    };
                    add(&mut all, channel, &piece.bytes);
                }
                Ok(None) => break,
                Err(fault) => return (all, Err(fault)),
            }
        }
        assert!(input.is_empty());
    }
    let end = decoder.finish();
    (all, end)
}

/// The same from all bytes at once, as the format is described.
fn expected_frames(mut bytes: &[u8]) -> Output {
    let mut all = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        let [channel @ 0..=3, 0, 0, 0, a, b, c, d] = *header else {
            return (all, Err(Fault::NoHeader(*header)));
        };
        let announced = u32::from_be_bytes([a, b, c, d]);
        let came = rest.len().min(announced as usize);
        if came > 0 {
            add(&mut all, channel, &rest[..came]);
        }
        if came < announced as usize {
            // No more than `announced`.
            let came = came as u32;
            return (all, Err(Fault::CutFrame { announced, came }));
        }
        bytes = &rest[came..];
    }
    match bytes.len() {
        0 => (all, Ok(())),
        rest => (all, Err(Fault::CutHeader(rest))),
    }
}

/// JSON documents: however the stream is cut, the same comes out, and from documents that are there as a whole too; what is kept is no longer than the document that is
/// not complete; and what is valid is cut where a parser would cut it. Looking into documents never fails.
pub fn json_documents(bytes: &[u8]) {
    let whole = documents(&[Bytes::copy_from_slice(bytes)]);
    let cut = documents(&Dice::new(seed(bytes)).chunks(bytes));
    assert_eq!(whole, cut);
    for document in &whole.0 {
        scan::string(document);
        scan::first(document);
        scan::pointer(document, "/errorDetail/message");
        scan::member_in_any_case(document, "error");
    }
    let parsed: Result<Vec<serde_json::Value>, _> = serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .collect();
    if let Ok(parsed) = parsed {
        assert!(whole.1, "valid documents are complete");
        let ours: Vec<serde_json::Value> = whole
            .0
            .iter()
            .map(|document| serde_json::from_slice(document).expect("a valid document"))
            .collect();
        assert_eq!(ours, parsed);
    }
}

/// The documents, and whether the stream ended between two of them.
fn documents(chunks: &[Bytes]) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = Documents::default();
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut came = 0;
    for chunk in chunks {
        came += chunk.len();
        let mut input = chunk.clone();
        loop {
            let mut ahead = input.clone();
            let whole: Option<Json> = decoder.take_whole(&mut ahead);
            let next = decoder.next(&mut input);
            if let Some(whole) = whole {
                let document = next.as_ref().ok().and_then(Option::as_ref);
                let document = document.expect("a document that is there as a whole");
                assert_eq!(serde_json::from_slice::<Json>(document).unwrap(), whole);
                assert_eq!(ahead, input);
                for name in ["error", "errorDetail"] {
                    assert!(scan::member(document, name).is_none(), "a failure");
                }
            }
            match next {
                Ok(Some(document)) => all.push(document.to_vec()),
                Ok(None) => break,
                Err(_) => return (all, false),
            }
        }
        let given: usize = all.iter().map(Vec::len).sum();
        assert!(decoder.kept() <= came - given);
    }
    match decoder.finish() {
        Ok(last) => {
            all.extend(last.map(|last| last.to_vec()));
            (all, true)
        }
        Err(_) => (all, false),
    }
}

/// The patterns of a `.dockerignore`, and paths: the first line is a path, the rest are patterns.
#[cfg(feature = "archive")]
pub fn paths(bytes: &[u8]) {
    use crate::archive::{Found, Ignore, steps};

    let text = String::from_utf8_lossy(bytes);
    let (path, patterns) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some(steps) = steps(Path::new(path)) {
        let joined: std::path::PathBuf = steps.iter().collect();
        // Nothing that is put together of these leads anywhere else.
        assert!(steps.iter().all(|step| step != ".." && step != "."));
        assert!(joined.is_relative());
        assert_eq!(joined.components().count(), steps.len());
    }
    crate::shortcuts::check_places(path);
    let Ok(ignore) = Ignore::parse(patterns) else {
        return;
    };
    let left_out = |ignore: &Ignore, path: &str| {
        let (mut out, mut found) = (false, Found::default());
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            (out, found) = ignore.look(Path::new(&path[..end]), &found);
        }
        out
    };
    let out = left_out(&ignore, path);
    let same = Ignore::parse(&format!("{patterns}\n#comment\n \n")).expect("the same patterns");
    assert_eq!(left_out(&same, path), out);
    // The Dockerfile is never left out.
    let clean = steps(Path::new(path)).map(|steps| steps.join("/".as_ref()));
    if let Some(clean) = clean.filter(|clean| !clean.is_empty() && !path.contains('\\')) {
        let kept = ignore.but_for(&[path]);
        let clean = clean.to_string_lossy();
        assert!(
            !left_out(&kept, &clean),
            "{clean:?} is left out by {patterns:?}"
        );
    }
}

/// An archive that somebody else made: nothing is written outside of the destination, whatever is in it.
///
/// `folder` is an empty folder, which is emptied again.
#[cfg(feature = "archive")]
pub fn unpack(bytes: &[u8], folder: &Path) {
    use std::fs;

    use crate::archive::{Unpacking, unpack};

    let outside = folder.join("outside");
    let target = folder.join("target");
    fs::write(&outside, "untouched").expect("a folder to write to");
    let before = fs::metadata(&outside).expect("a file");
    for owners in [false, true] {
        let unpacking = Unpacking {
            target: target.clone(),
            owners,
        };
        let copied = unpack(bytes, &unpacking);
        if let Ok(copied) = copied {
            assert!(copied.bytes <= bytes.len() as u64);
        }
        let names: Vec<_> = fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name != "target")
            .collect();
        assert_eq!(names, ["outside"]);
        assert_eq!(fs::read(&outside).expect("a file"), b"untouched");
        let after = fs::metadata(&outside).expect("a file");
        assert_eq!(before.permissions(), after.permissions());
        assert_eq!(before.modified().ok(), after.modified().ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            // No other name of it either.
            assert_eq!(after.nlink(), 1);
            assert_eq!((before.uid(), before.gid()), (after.uid(), after.gid()));
        }
    }
    clear(&target);
    fs::remove_file(outside).expect("a file");
}

/// Removes what was unpacked, locked folders included.
#[cfg(feature = "archive")]
fn clear(path: &Path) {
    use std::fs;

    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    if !meta.is_dir() {
        fs::remove_file(path).expect("a file that was unpacked");
        return;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    }
    for entry in fs::read_dir(path).expect("a folder that was unpacked") {
        clear(&entry.expect("an entry").path());
    }
    fs::remove_dir(path).expect("an empty folder");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: u64 = 3_000;

    /// What was kept of fuzzing: each file of the corpus of a target.
    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        let mut files: Vec<_> = std::fs::read_dir(folder.join(target))
            .expect("a corpus")
            .map(|entry| entry.expect("a file").path())
            .collect();
        files.sort();
        assert!(!files.is_empty());
        files
            .iter()
            .map(|file| std::fs::read(file).expect("a file"))
            .collect()
    }

    /// Something like what is in the corpus: parts of it, put together and spoiled.
    fn spoiled(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let file = &corpus[dice.below(corpus.len())];
            let (a, b) = (dice.below(file.len() + 1), dice.below(file.len() + 1));
            bytes.extend_from_slice(match dice.below(3) {
                0 => file,
                _ => &file[a.min(b)..a.max(b)],
            });
        }
        for _ in 0..dice.below(4) {
            if !bytes.is_empty() {
                let at = dice.below(bytes.len());
                bytes[at] = dice.below(256) as u8;
            }
        }
        bytes
    }

    fn check(target: &str, property: impl Fn(&[u8])) {
        let corpus = corpus(target);
        corpus.iter().for_each(|bytes| property(bytes));
        for round in 0..ROUNDS {
            let mut dice = Dice::new(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            property(&spoiled(&corpus, &mut dice));
        }
    }

    #[test]
    fn log_frames_are_the_same_however_they_are_cut() {
        check("log_frames", log_frames);
    }

    #[test]
    fn json_documents_are_the_same_however_they_are_cut() {
        check("json_documents", json_documents);
    }

    #[cfg(feature = "archive")]
    #[test]
    fn paths_lead_nowhere_else() {
        check("paths", paths);
    }

    #[cfg(feature = "archive")]
    #[test]
    fn archives_write_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        check("unpack", |bytes| unpack(bytes, folder.path()));
    }

    /// The most that is kept of a stream is one document of [`json_documents::LIMIT`](crate::json_documents::LIMIT).
    #[test]
    fn a_stream_of_anything_is_kept_within_the_limit() {
        use crate::json_documents::LIMIT;
        for begin in [&b"{\"a\":\""[..], b"[[[", b"1", b"\"", b"\"\\"] {
            let mut decoder = Documents::default();
            let mut input = Bytes::copy_from_slice(begin);
            let mut fed = 0;
            let filler = Bytes::from(vec![b'1'; 1 << 20]);
            while decoder.next(&mut input).is_ok() {
                assert!(decoder.kept() <= LIMIT && fed <= 2 * LIMIT);
                input = filler.clone();
                fed += input.len();
            }
        }
    }
}
