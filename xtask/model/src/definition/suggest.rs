//! The word that would have been right.

/// The candidate that a reader would take for a misspelling of `word`, if there is one.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word may be wrong in a third of its letters; more is another word.
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

/// Case, hyphens and underscores are what people confuse first: they count for nothing.
fn plain(word: &str) -> String {
    // A misspelling of a short word is short; a long text is none, and comparing it would be slow.
    let start = word.chars().take(80);
    start
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
