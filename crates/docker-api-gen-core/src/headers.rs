//! Facts that come in the headers of an answer.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base64_bytes;
use crate::text::shorten;
use crate::wire::Read;

/// The text of a header, if it is there and is text.
pub fn text<T: From<String>>(headers: &HeaderMap, name: &str) -> Option<T> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(T::from(value.to_owned()))
}

/// A header that says `true` or something else.
pub fn flag(headers: &HeaderMap, name: &str) -> Option<bool> {
    text(headers, name).map(|value: String| value.eq_ignore_ascii_case("true"))
}

/// A document in a header, as base64 of either alphabet.
pub fn base64_json<T: Read>(headers: &HeaderMap, name: &str) -> Option<T> {
    let text: String = text(headers, name)?;
    let text = String::from_utf8(base64_bytes::decode_any(&text)?).ok()?;
    T::read(&mut serde_json::Deserializer::from_str(&text)).ok()
}

/// Sets a header. Apart, so that its code is not where every header is set.
#[inline(never)]
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}

/// A header to be sent, or why it cannot be.
pub(crate) fn pair(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    match (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_str(value),
    ) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        (Err(_), _) => Err(format!(
            "{:?} is not the name of a header",
            shorten(name, 40)
        )),
        (Ok(_), Err(_)) => Err(format!(
            "the value of the header {name} has characters that no header can hold"
        )),
    }
}

/// What every request of generated code can be told beside its own options.
#[doc(hidden)]
#[macro_export]
macro_rules! request_settings {
    ($name:ident) => {
        impl $name<'_> {
            /// Sets how long the daemon may take to begin its answer, in place of the usual limit.
            pub fn with_timeout(mut self, limit: ::std::time::Duration) -> Self {
                self.call.set_timeout(limit);
                self
            }

            /// Sets how long the daemon may be silent in the middle of its answer, in place of the usual limit.
            pub fn with_idle_timeout(mut self, limit: ::std::time::Duration) -> Self {
                self.call.set_idle_timeout(limit);
                self
            }

            /// Sends a header of one's own along.
            pub fn with_header(mut self, name: &str, value: &str) -> Self {
                self.call.set_header(name, value);
                self
            }

            /// The request as it would be sent, without sending it.
            ///
            /// # Errors
            ///
            /// If an argument cannot be sent, such as an empty name.
            pub fn request(self) -> ::std::result::Result<$crate::Request, $crate::Error> {
                self.prepare().into_request()
            }
        }
    };
}
