//! Names of images.

/// Cuts the name of an image into what is before its tag and the tag; a digest counts as the tag.
///
/// The daemon pulls every tag there is if it is asked for none, so without one it is `latest`, as for `docker pull`.
pub(crate) fn split(image: &str) -> (&str, &str) {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    // A colon in front of a slash is the one of a registry's port.
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    (name, digest.or(tag).unwrap_or("latest"))
}

/// Whether it is the id of an image and no name, so that no registry knows it.
pub(crate) fn is_id(image: &str) -> bool {
    image.starts_with("sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_the_tag_begins() {
        for (image, name, tag) in [
            ("alpine", "alpine", "latest"),
            ("alpine:3.20", "alpine", "3.20"),
            (
                "docker.io/library/alpine",
                "docker.io/library/alpine",
                "latest",
            ),
            ("localhost:5000/alpine", "localhost:5000/alpine", "latest"),
            ("localhost:5000/alpine:3", "localhost:5000/alpine", "3"),
            ("[::1]:5000/a/b:3", "[::1]:5000/a/b", "3"),
            ("alpine@sha256:abc", "alpine", "sha256:abc"),
            ("r:1/alpine:3@sha256:abc", "r:1/alpine", "sha256:abc"),
            ("", "", "latest"),
        ] {
            assert_eq!(split(image), (name, tag), "{image}");
        }
    }
}
