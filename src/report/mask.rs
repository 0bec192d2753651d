//! Masks addresses, since others may see the terminal.

use serde_json::Value;

/// Masks the addresses of an event.
pub fn masked(mut event: Value) -> Value {
    mask(&mut event);
    event
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('@') => {
            *text = text.split(' ').map(masked_address).collect::<Vec<_>>().join(" ");
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(fields) => fields.values_mut().for_each(mask),
        _ => {}
    }
}

/// Masks an address: `anna@example.se` as `a…@example.se`.
pub fn masked_address(word: &str) -> String {
    let Some((local, domain)) = word.rsplit_once('@') else { return word.to_owned() };
    let start: String = local.chars().take(if local.starts_with('<') { 2 } else { 1 }).collect();
    format!("{start}…@{domain}")
}
