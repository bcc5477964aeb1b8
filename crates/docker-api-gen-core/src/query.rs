//! Values in a query string or a header, and how they are written there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the characters that never mean anything in a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as it is written between the marks of a URL.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What [`encode`] wrote.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A value of a query string or a header: text, a number, a boolean, a choice, a list of these, or none.
pub trait QueryValue {
    /// Gives each text of the value to `add`: none for `None`, one per item of a list.
    #[doc(hidden)]
    fn each(&self, add: &mut dyn FnMut(&str));
}

impl QueryValue for str {
    fn each(&self, add: &mut dyn FnMut(&str)) {
        add(self);
    }
}

impl QueryValue for String {
    fn each(&self, add: &mut dyn FnMut(&str)) {
        add(self);
    }
}

impl QueryValue for bool {
    fn each(&self, add: &mut dyn FnMut(&str)) {
        add(if *self { "true" } else { "false" });
    }
}

macro_rules! display {
    ($($number:ty),*) => {$(
        impl QueryValue for $number {
            fn each(&self, add: &mut dyn FnMut(&str)) {
                add(&self.to_string());
            }
        }
    )*};
}

display!(i8, i16, i32, i64, u8, u16, u32, u64, f64);

impl<T: QueryValue> QueryValue for Option<T> {
    fn each(&self, add: &mut dyn FnMut(&str)) {
        if let Some(value) = self {
            value.each(add);
        }
    }
}

impl<T: QueryValue> QueryValue for Vec<T> {
    fn each(&self, add: &mut dyn FnMut(&str)) {
        for item in self {
            item.each(add);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &(impl QueryValue + ?Sized)) -> Vec<String> {
        let mut texts = Vec::new();
        value.each(&mut |text| texts.push(text.to_owned()));
        texts
    }

    #[test]
    fn none_adds_nothing_and_a_list_one_text_per_item() {
        assert_eq!(texts("a b"), ["a b"]);
        assert_eq!(texts(&true), ["true"]);
        assert_eq!(texts(&Some(-7_i64)), ["-7"]);
        assert_eq!(texts(&1.5_f64), ["1.5"]);
        assert!(texts(&None::<String>).is_empty());
        assert_eq!(texts(&Some(vec!["a".to_owned(), String::new()])), ["a", ""]);
    }

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        assert_eq!(encode("azAZ09-._~"), "azAZ09-._~");
        assert_eq!(
            encode("a/b?c#d%e f'\"\\é\u{0}"),
            "a%2Fb%3Fc%23d%25e%20f%27%22%5C%C3%A9%00"
        );
        assert_eq!(encode("{id}"), "%7Bid%7D");
    }
}
