//! Reads a file of this program that begins with the number of its format.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::reason::Reason;

/// Parses the text of a file whose field `format` must be `expected`.
pub fn parse<T: DeserializeOwned>(text: &str, expected: u32) -> Result<T, Reason> {
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
