//! Reads single values from a definition, and reports those that cannot be read.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::choice::Choice;
use super::keys::{Shape, keys};
use super::suggest::nearest;
use super::syntax::{SyntaxError, within};
use crate::report::{Diagnostic, Source};
use crate::values::Refused;
use crate::wording::list_of_words;

/// Collects diagnostics while a definition is read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a Arc<Source>,
    /// Complaints of the TOML parser that are not reported yet.
    pub(super) syntax: Vec<SyntaxError>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Diagnostics for complaints of the parser within single values.
    pub(super) syntax_diagnostics: Vec<Diagnostic>,
}

/// A value that was found under a known key.
#[derive(Debug)]
pub(super) struct Found<'r, 'a, 'v> {
    pub(super) reader: &'r mut Reader<'a>,
    /// The key as messages name it: `etcd.version`.
    pub(super) path: String,
    /// The key as written in its line: `version`.
    pub(super) key: String,
    pub(super) shape: &'static Shape,
    pub(super) value: &'v Spanned<DeValue<'v>>,
}

/// A key and its value.
pub(super) type Entry<'v> = (&'v Spanned<DeString<'v>>, &'v Spanned<DeValue<'v>>);

/// The entries of a table in the file's order.
pub(super) fn in_order<'v>(table: &'v DeTable<'v>) -> Vec<Entry<'v>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

impl<'a> Reader<'a> {
    /// Reports an error at a place.
    pub(super) fn error(&mut self, message: String, span: Range<usize>, label: &str, hint: &str) {
        let diagnostic = Diagnostic::error(message).at(self.source, span, label);
        self.diagnostics.push(if hint.is_empty() {
            diagnostic
        } else {
            diagnostic.hint(hint)
        });
    }

    /// Reports a key that nothing reads.
    pub(super) fn unknown_key(
        &mut self,
        path: &str,
        key: &str,
        span: Range<usize>,
        known: &[&str],
    ) {
        let shown = key.escape_debug();
        let place = if path.is_empty() {
            String::new()
        } else {
            format!(" in `{path}`")
        };
        let elsewhere = || keys().find(|candidate| candidate.path.rsplit('.').next() == Some(key));
        let starts = |right: &&str| key.len() > 3 && right.starts_with(&format!("{key}_"));
        let longer = || known.iter().copied().find(starts);
        let hint = if let Some(right) = nearest(key, known.iter().copied()) {
            format!("did you mean `{right}`?")
        } else if let Some(right) = elsewhere() {
            match right.path.rsplit_once('.') {
                Some((table, key)) => format!("`{key}` belongs under `[{table}]`"),
                None => {
                    format!("`{key}` belongs at the top of the file, above the first `[table]`")
                }
            }
        } else if let Some(right) = longer() {
            format!("did you mean `{right}`?")
        } else {
            format!("known keys: {}", list_of_words(known.iter().copied()))
        };
        self.error(
            format!("unknown key `{shown}`{place}"),
            self.clip(span),
            "",
            &hint,
        );
    }

    /// The span, clipped to the text.
    pub(super) fn clip(&self, span: Range<usize>) -> Range<usize> {
        within(span, &self.source.text)
    }

    /// Takes out the TOML parser's complaints about this value, and returns the first.
    fn take_syntax(&mut self, span: &Range<usize>) -> Option<SyntaxError> {
        let taken = self.syntax.extract_if(.., |error| error.touches(span));
        taken.collect::<Vec<_>>().into_iter().next()
    }

    /// Reports a complaint of the TOML parser.
    fn report_syntax(&mut self, error: &SyntaxError) {
        self.syntax_diagnostics.push(error.diagnostic(self.source));
    }

    /// The text at a place.
    pub(super) fn raw(&self, span: Range<usize>) -> &'a str {
        self.source.text.get(span).unwrap_or_default()
    }
}

impl<'a, 'v> Found<'_, 'a, 'v> {
    /// Where the value is.
    pub(super) fn span(&self) -> Range<usize> {
        self.reader.clip(self.value.span())
    }

    /// The value as text, parsed into its type.
    pub(super) fn text<T: FromStr<Err = Refused>>(&mut self) -> Option<T> {
        self.parsed(T::from_str)
    }

    /// The value as text, parsed by a function.
    pub(super) fn parsed<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, Refused>,
    ) -> Option<T> {
        let raw = self.reader.raw(self.span());
        if let Some(error) = self.reader.take_syntax(&self.span()) {
            if raw.starts_with(['"', '\'', '[', '{']) || raw.is_empty() {
                self.reader.report_syntax(&error);
            } else {
                self.wants_quotes(raw, parse(raw).err());
            }
            return None;
        }
        let value = self.value;
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {
                self.wants_quotes(raw, parse(raw).err());
                return None;
            }
            DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.wrong_type("text");
                return None;
            }
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(refused) => {
                self.refuse(&refused);
                None
            }
        }
    }

    /// The value as one of a few words.
    pub(super) fn choice<T: Choice>(&mut self) -> Option<T> {
        let key = self.key.clone();
        self.parsed(|text| {
            if let Some(value) = T::ALL.iter().find(|value| value.word() == text) {
                return Ok(*value);
            }
            let words = || T::ALL.iter().map(|value| value.word());
            let hint = match nearest(text, words()) {
                Some(right) => format!("did you mean `{right}`?"),
                None => format!("available: {}", list_of_words(words())),
            };
            Err(Refused::new(
                format!("unknown {key} `{}`", shortened(text)),
                hint,
            ))
        })
    }

    /// The value as a whole number within the key's limits.
    pub(super) fn number<T: TryFrom<i128>>(&mut self) -> Option<T> {
        let (least, most) = match self.shape {
            Shape::Number { least, most, .. } => (*least, *most),
            _ => (0, i64::MAX),
        };
        let number = self.whole_number()?;
        let fits = (i128::from(least)..=i128::from(most)).contains(&number);
        let value = T::try_from(number).ok().filter(|_| fits);
        if value.is_none() {
            let message = format!("`{}` is {number}", self.path);
            self.reader.error(
                message,
                self.span(),
                &format!("must be from {least} to {most}"),
                &format!("use a number from {least} to {most}"),
            );
        }
        value
    }

    /// The value as any whole number.
    pub(super) fn whole_number(&mut self) -> Option<i128> {
        let raw = self.reader.raw(self.span());
        if let Some(error) = self.reader.take_syntax(&self.span()) {
            if raw.is_empty() {
                self.reader.report_syntax(&error);
            } else {
                self.wrong_type("a whole number");
            }
            return None;
        }
        match self.value.get_ref() {
            DeValue::Integer(integer) => {
                let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
                if number.is_none() {
                    let message = format!("`{}` is too large", self.path);
                    self.reader.error(message, self.span(), "", "");
                }
                number
            }
            DeValue::String(text) => {
                match text.trim().parse::<i64>() {
                    Ok(number) => self.reader.error(
                        format!("`{}` is text, not a whole number", self.path),
                        self.span(),
                        "in quotes",
                        &format!("write it without quotes: `{} = {number}`", self.key),
                    ),
                    Err(_) => self.wrong_type("a whole number"),
                }
                None
            }
            _ => {
                self.wrong_type("a whole number");
                None
            }
        }
    }

    /// The value from a whole number or from text, each read by a function.
    pub(super) fn number_or_text<T>(
        &mut self,
        from_number: impl FnOnce(i128) -> Result<T, Refused>,
        parse: impl FnOnce(&str) -> Result<T, Refused>,
    ) -> Option<T> {
        if !matches!(self.value.get_ref(), DeValue::Integer(_)) {
            return self.parsed(parse);
        }
        let number = self.whole_number()?;
        let found = from_number(number);
        found.map_err(|refused| self.refuse(&refused)).ok()
    }

    /// The value as `true` or `false`.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        let span = self.span();
        let syntax = self.reader.take_syntax(&span);
        if let (DeValue::Boolean(value), None) = (self.value.get_ref(), &syntax) {
            return Some(*value);
        }
        let raw = self.reader.raw(span.clone());
        let word = raw.trim_matches(['"', '\'']).to_ascii_lowercase();
        let meant = match word.as_str() {
            "true" | "yes" | "on" | "y" | "1" => Some("true"),
            "false" | "no" | "off" | "n" | "0" => Some("false"),
            _ => None,
        };
        let hint = match meant {
            Some(meant) => format!("write `{} = {meant}`", self.key),
            None => format!("write `{0} = true` or `{0} = false`", self.key),
        };
        let message = format!("`{}` is neither `true` nor `false`", self.path);
        self.reader
            .error(message, span, "expected `true` or `false`", &hint);
        None
    }

    /// The value as a table.
    pub(super) fn table(&mut self) -> Option<&'v DeTable<'v>> {
        if let DeValue::Table(table) = self.value.get_ref() {
            Some(table)
        } else {
            let span = self.span();
            // A complaint of the parser about this value adds nothing to the error below.
            drop(self.reader.take_syntax(&span));
            self.wrong_type("a table");
            None
        }
    }

    /// A part of this value, as a separate value.
    pub(super) fn part(
        &mut self,
        name: &str,
        value: &'v Spanned<DeValue<'v>>,
        shape: &'static Shape,
    ) -> Found<'_, 'a, 'v> {
        let key = if name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            name.to_owned()
        } else {
            format!("\"{}\"", shortened(name))
        };
        Found {
            path: format!("{}.{key}", self.path),
            key,
            reader: self.reader,
            shape,
            value,
        }
    }

    /// Reports that the value's type refuses the value.
    pub(super) fn refuse(&mut self, refused: &Refused) {
        self.reader
            .error(refused.why.clone(), self.span(), "", &refused.hint);
    }

    /// Reports that the value has the wrong type.
    pub(super) fn wrong_type(&mut self, wanted: &str) {
        let raw = self.reader.raw(self.span());
        // A word without quotes has no type; the parser guesses one from its first letter.
        let word = raw.starts_with(|c: char| c.is_ascii_alphabetic())
            && !["true", "false", "inf", "nan"].contains(&raw);
        let is = match self.value.get_ref() {
            _ if word => &format!("`{}`", shortened(raw)),
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("`{}` is {is}, not {wanted}", self.path);
        let hint = match self.shape {
            Shape::Number { unit, .. } if !unit.is_empty() => {
                format!("write a whole number of {unit}, without the unit")
            }
            _ => String::new(),
        };
        self.reader
            .error(message, self.span(), &format!("expected {wanted}"), &hint);
    }

    /// Reports text without quotes. If it would still be refused in quotes, the hint shows what is valid.
    fn wants_quotes(&mut self, raw: &str, refused: Option<Refused>) {
        let message = format!("the value of `{}` needs quotes", self.path);
        let hint = match refused {
            None => format!("write `{} = \"{}\"`", self.key, shortened(raw)),
            Some(refused) => refused.hint,
        };
        self.reader
            .error(message, self.span(), "not in quotes", &hint);
    }
}

/// A text of the author, shortened and escaped for a message.
pub(super) fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}
