//! Names of registries.

/// The registry of images whose names have none, as `docker login` calls it.
pub(super) const INDEX: &str = "https://index.docker.io/v1/";

/// The registry that an image belongs to, as credentials are stored for it. An address with its scheme is one itself.
pub(super) fn of_image(image: &str) -> &str {
    if image.contains("://") {
        return of_address(image);
    }
    let Some((host, _)) = image.split_once('/') else {
        return INDEX;
    };
    let is_host = host.contains(['.', ':'])
        || host == "localhost"
        || host.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_host { of_address(host) } else { INDEX }
}

/// The registry at an address, as credentials are stored for it.
pub(super) fn of_address(address: &str) -> &str {
    match host(address) {
        host if is_index(host) => INDEX,
        host => host,
    }
}

/// Whether two addresses are of the same registry, whatever their scheme and path.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (host(one), host(other));
    one.eq_ignore_ascii_case(other) || (is_index(one) && is_index(other))
}

fn is_index(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io")
}

fn host(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    address.split('/').next().unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_belong_to_the_registry_in_front_of_their_name() {
        for (image, registry) in [
            ("alpine", INDEX),
            ("alpine:3.20", INDEX),
            ("library/alpine", INDEX),
            ("me/app:1.2.3", INDEX),
            ("docker.io/library/alpine", INDEX),
            ("index.docker.io/me/app", INDEX),
            ("https://index.docker.io/v1/", INDEX),
            ("docker.io", INDEX),
            ("my.app", INDEX),
            ("ghcr.io/me/app:1", "ghcr.io"),
            ("https://ghcr.io/v2/", "ghcr.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("localhost/app", "localhost"),
            ("localhost:5000/app@sha256:abc", "localhost:5000"),
            ("http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("127.0.0.1:5000/a/b:3", "127.0.0.1:5000"),
            ("[::1]:5000/a/b", "[::1]:5000"),
            ("Registry/app", "Registry"),
            ("registry/app", INDEX),
            ("app@sha256:abc", INDEX),
            ("", INDEX),
        ] {
            assert_eq!(of_image(image), registry, "{image}");
        }
    }

    #[test]
    fn addresses_are_known_by_host_and_port() {
        for (address, registry) in [
            ("docker.io", INDEX),
            ("https://index.docker.io/v1/", INDEX),
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io:8443/v2/", "ghcr.io:8443"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(of_address(address), registry, "{address}");
        }
    }

    #[test]
    fn addresses_are_compared_by_host_and_port() {
        for (one, other) in [
            ("docker.io", INDEX),
            ("index.docker.io", "https://docker.io/"),
            ("ghcr.io", "https://ghcr.io/v2/"),
            ("ghcr.io/me", "http://GHCR.io"),
            ("localhost:5000", "http://localhost:5000/v1/"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("ghcr.io", "ghcr.io:443"),
            ("ghcr.io", "docker.io"),
            ("localhost:5000", "localhost:5001"),
            ("quay.io", "xquay.io"),
            ("", "ghcr.io"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
