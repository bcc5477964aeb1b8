//! Whether words of ours stand in the published descriptions too.

use std::collections::HashSet;

use super::Docs;

/// How many words in a row are no coincidence.
const RUN: usize = 9;

/// Our texts that repeat a run of words of `published`, the text of the published descriptions.
pub fn copied<'p>(docs: &Docs, published: impl IntoIterator<Item = &'p str>) -> Vec<String> {
    let mut runs = HashSet::new();
    for text in published {
        let words = words(text);
        runs.extend(words.windows(RUN).map(<[String]>::to_vec));
    }
    let mut found = Vec::new();
    for (item, text) in docs.texts() {
        let words = words(text);
        if let Some(run) = words.windows(RUN).find(|run| runs.contains(*run)) {
            found.push(format!("{item}: {}", run.join(" ")));
        }
    }
    found
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs::tests::parse;

    #[test]
    fn a_run_of_their_words_is_found_and_a_common_phrase_is_not() {
        let docs = parse(
            "types:\n  A: {text: One two three four five six seven eight nine ten.}\n  \
             B: {text: One two three four five six seven eight.}\n",
        )
        .unwrap();
        let theirs = "description: |\n  Zero, one two three four\n  five six `seven` eight nine.";
        assert_eq!(
            copied(&docs, [theirs]),
            ["type A: one two three four five six seven eight nine"]
        );
        assert_eq!(copied(&docs, ["nothing of the kind"]), [""; 0]);
    }
}
