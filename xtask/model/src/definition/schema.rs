//! The JSON Schema of definitions, for editors, derived from the table of keys.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::keys::{Key, Shape, keys};

/// The schema, in the draft that editors' TOML support understands (draft 7).
pub fn schema() -> Value {
    let mut top = Map::new();
    for key in keys() {
        let value = described(key);
        match key.path.split_once('.') {
            None => {
                top.insert(key.path.to_owned(), value);
            }
            Some((section, name)) => {
                let section = top.entry(section).or_insert_with(|| table(Map::new()));
                if let Some(Value::Object(properties)) = section.get_mut("properties") {
                    properties.insert(name.to_owned(), value);
                }
            }
        }
    }
    let mut schema = table(top);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("A static etcd cluster");
    schema["description"] = json!("cluster/<name>.toml: everything about the cluster <name>.");
    schema
}

fn described(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    schema["description"] = json!(key.doc);
    if let Ok(default) = DeValue::parse(key.default) {
        schema["default"] = json_of(default.get_ref());
    }
    schema
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Number { least, most, .. } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Text { example } => json!({ "type": "string", "examples": [example] }),
        Shape::Choice(words) => json!({ "enum": words() }),
        Shape::NumberOrText { example } => {
            json!({ "type": ["integer", "string"], "examples": [example] })
        }
        Shape::Scalar => json!({ "type": ["string", "integer", "boolean"] }),
        Shape::Table { keys, values } => json!({
            "type": "object",
            "additionalProperties": false,
            "patternProperties": { *keys: self::shape(values) },
        }),
        Shape::Members => json!({
            "oneOf": [
                { "type": "integer", "enum": [1, 3, 5, 7] },
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["name", "address"],
                        "properties": {
                            "name": {
                                "type": "string",
                                "description": "The member's host name, which is also its name in etcd.",
                            },
                            "address": {
                                "type": "string",
                                "format": "ipv4",
                                "description": "Its address in the subnet.",
                            },
                        },
                    },
                },
            ],
        }),
    }
}

fn table(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// A default as JSON. Types that no default uses become null.
fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => {
            json!(i64::from_str_radix(integer.as_str(), integer.radix()).ok())
        }
        DeValue::Boolean(value) => json!(value),
        DeValue::Table(_) => json!({}),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) => Value::Null,
    }
}
