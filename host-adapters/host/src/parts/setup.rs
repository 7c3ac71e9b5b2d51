//! What is wrong with how a part is set up.

/// A part cannot be used the way it is set up: the operator's to mend.
///
/// Constructors give it for settings that cannot work, `check` methods for surroundings that do not
/// answer as they must. It is one line: culprit, what is wrong, remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{culprit}: {problem}; {remedy}")]
pub struct SetupError {
    /// The setting, file or server that is to blame, as the operator knows it.
    pub culprit: String,
    /// What was found, with the facts.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl SetupError {
    /// Puts the three together.
    pub(crate) fn new(
        culprit: impl std::fmt::Display,
        problem: impl std::fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            culprit: culprit.to_string(),
            problem: problem.to_string(),
            remedy: remedy.into(),
        }
    }
}
