//! Suggestions for misspelled words.

/// The candidate that `word` is most likely a misspelling of, if there is one.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Up to a third of the letters may be wrong; beyond that it is another word.
    let most = (word.chars().count() / 3).max(1);
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &plain(candidate)),
                candidate,
            )
        })
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Case, hyphens and underscores do not count, because people confuse them most.
fn plain(word: &str) -> String {
    // A long text is no misspelling of a short word, and comparing it would be slow.
    let start = word.chars().take(80);
    start
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
