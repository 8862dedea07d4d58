//! The format of the AWS configuration files, by the rules of the AWS SDK for JavaScript: what
//! has no meaning is passed over.

use std::collections::BTreeMap;

/// Properties by name; those of a nested section as `section.property`.
pub type Section = BTreeMap<String, String>;
/// Sections by name; those of a kind as `profile.name`, `sso-session.name`, `services.name`.
pub type Sections = BTreeMap<String, Section>;

const KINDS: [&str; 3] = ["profile", "sso-session", "services"];

/// The sections, and the numbers of the lines that say nothing although they are no comments.
pub fn parse(text: &str) -> (Sections, Vec<usize>) {
    let mut parser = Parser::default();
    let mut passed_over = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if !parser.read(line) {
            passed_over.push(index + 1);
        }
    }
    (parser.sections, passed_over)
}

#[derive(Default)]
struct Parser {
    sections: Sections,
    has_begun: bool,
    /// `None`: of a kind that is none of ours.
    section: Option<String>,
    /// Whose properties follow, indented.
    nested: Option<String>,
}

impl Parser {
    /// `false`: the line says nothing.
    fn read(&mut self, line: &str) -> bool {
        let content = trim(without_comment(line));
        if content.is_empty() {
            return true;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            self.has_begun = true;
            self.nested = None;
            self.section = section_name(name);
            if let Some(name) = &self.section {
                self.sections.entry(name.clone()).or_default();
            }
            return true;
        }
        let property = content.split_once('=').map(|(name, value)| (trim(name), trim(value)));
        match (&self.section, property) {
            (Some(section), Some((name, value))) if !name.is_empty() => {
                if value.is_empty() {
                    self.nested = Some(name.to_owned());
                    return true;
                }
                if !line.starts_with(is_space) {
                    self.nested = None;
                }
                let section = self.sections.entry(section.clone()).or_default();
                insert(section, self.nested.as_deref(), name, value);
                true
            }
            (None, Some(_)) => self.has_begun,
            _ => false,
        }
    }
}

/// `Region` counts as `region`, as it does for the AWS CLI, unless that is there as well.
fn insert(section: &mut Section, nested: Option<&str>, name: &str, value: &str) {
    let name = nested.map_or_else(|| name.to_owned(), |nested| format!("{nested}.{name}"));
    let lower = name.to_ascii_lowercase();
    if lower == name || !section.contains_key(&lower) {
        section.insert(lower, value.to_owned());
    }
}

/// `profile name` becomes `profile.name`; a name of its own stays; another kind is none.
fn section_name(name: &str) -> Option<String> {
    let Some((kind, rest)) = name
        .split_once(is_space)
        .filter(|(kind, rest)| is_word(kind, "-") && is_word(unquoted(rest), "-@+.%:/"))
    else {
        return Some(name.to_owned());
    };
    KINDS.contains(&kind).then(|| format!("{kind}.{}", unquoted(rest)))
}

fn is_word(text: &str, also: &str) -> bool {
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || also.contains(letter);
    !text.is_empty() && text.chars().all(is_allowed)
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

/// A comment begins with `;` or `#`, at the start of the line or after a space.
fn without_comment(line: &str) -> &str {
    let mut is_after_space = true;
    for (index, letter) in line.char_indices() {
        if is_after_space && matches!(letter, ';' | '#') {
            return line.get(..index).unwrap_or_default();
        }
        is_after_space = is_space(letter);
    }
    line
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// What JavaScript takes for a space: a byte order mark as well.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}
