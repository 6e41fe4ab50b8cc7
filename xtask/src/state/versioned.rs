//! Reads a file of this program that begins with the number of its format.

use std::fs;
use std::io;

use camino::Utf8Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::reason::Reason;

/// Reads and parses such a file; `None` if there is none.
pub fn read<T: DeserializeOwned>(path: &Utf8Path, expected: u32) -> Result<Option<T>, Reason> {
    // Reading a pipe could wait forever.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err("it is not a file".into());
    }
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, expected).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Reason::of(error)),
    }
}

/// Parses the text of a file whose field `format` must be `expected`.
fn parse<T: DeserializeOwned>(text: &str, expected: u32) -> Result<T, Reason> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    // The format is checked first: other differences follow from it.
    let Format { format } = serde_json::from_str(text).map_err(|error| why(&error))?;
    if format != expected {
        return Err(Reason::from(format!(
            "its format is {format}, but this program reads {expected}"
        )));
    }
    serde_json::from_str(text).map_err(|error| why(&error))
}

fn why(error: &serde_json::Error) -> Reason {
    let (line, column) = (error.line(), error.column());
    Reason::from(match error.classify() {
        Category::Eof => "it ends too early".to_owned(),
        Category::Syntax => format!("line {line}, column {column} is not JSON"),
        Category::Data | Category::Io => {
            format!("line {line}, column {column} is not as this program writes it")
        }
    })
}
