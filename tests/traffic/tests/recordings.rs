//! The recordings of real engines in `tests/recordings`: everything in them is read, and nothing lost.

use std::path::{Path, PathBuf};

use docker_api_gen_traffic::replay::Replay;

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recordings");
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    files.sort();
    files
}

#[test]
fn everything_recorded_is_read_and_nothing_lost() {
    let files = recordings();
    assert!(
        files.len() >= 10,
        "two recordings of each engine: {files:?}"
    );
    let replay = Replay {
        files,
        version: None,
        json: false,
        needs: false,
    };
    let report = replay.run().unwrap();
    print!("{}", report.to_text());
    assert_eq!(report.failed_documents(), 0, "not everything was read");
    assert_eq!(report.lost_fields(), 0, "something was lost or changed");
    assert!(
        report.decoded_documents() > 6000,
        "there is little in the recordings"
    );
}

#[test]
fn the_recordings_stay_small() {
    let bytes = |path: &PathBuf| path.metadata().unwrap().len();
    let total: u64 = recordings().iter().map(bytes).sum();
    assert!(total < 2 << 20, "{total} bytes of recordings");
}
