//! Commands with their arguments.

/// A command with its arguments: a list of texts, or `()` for the command that is there already.
///
/// It is run as it is, without a shell in between.
pub trait Command {
    /// The command as a list; `None` where it is not for the caller to say.
    fn into_list(self) -> Option<Vec<String>>;
}

impl Command for () {
    fn into_list(self) -> Option<Vec<String>> {
        None
    }
}

impl<T: Into<String>, const LENGTH: usize> Command for [T; LENGTH] {
    fn into_list(self) -> Option<Vec<String>> {
        Some(self.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<String>> Command for Vec<T> {
    fn into_list(self) -> Option<Vec<String>> {
        Some(self.into_iter().map(Into::into).collect())
    }
}

impl<T: AsRef<str>> Command for &[T] {
    fn into_list(self) -> Option<Vec<String>> {
        Some(self.iter().map(|word| word.as_ref().to_owned()).collect())
    }
}

impl<T: AsRef<str>, const LENGTH: usize> Command for &[T; LENGTH] {
    fn into_list(self) -> Option<Vec<String>> {
        self.as_slice().into_list()
    }
}
