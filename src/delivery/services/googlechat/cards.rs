//! The shape of cards: Google takes a text only where a text is due, and keys in one spelling. What templates render
//! (`text: 1234567`) is put into that shape by rule; what is not known here goes out as it was written (services 2.9).

use serde_json::{Map, Number, Value};

/// What the value of a key is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A text, or an object or list, which have their own keys.
    Text,
    Bool,
    Number,
    /// Anything: a key that is not known.
    Anything,
}

/// Keys with booleans.
const BOOLS: &[&str] = &[
    "allWidgetsAreRequired",
    "collapsible",
    "contentMultiline",
    "defaultToCurrentSpace",
    "disabled",
    "enabled",
    "fill",
    "persistValues",
    "selected",
    "wrapText",
];

/// Keys with numbers.
const NUMBERS: &[&str] = &[
    "alpha",
    "aspectRatio",
    "blue",
    "characterLimit",
    "columnCount",
    "cornerRadius",
    "grade",
    "green",
    "maxLines",
    "minCharactersTrigger",
    "multiSelectMaxSelectedItems",
    "multiSelectMinQueryLength",
    "red",
    "timezoneOffsetDate",
    "uncollapsibleWidgetsCount",
    "weight",
];

/// All other keys of the API's cards, old and new form.
const OTHERS: &[&str] = &[
    "action",
    "actionLabel",
    "actionMethodName",
    "altText",
    "autoCompleteAction",
    "borderStyle",
    "bottomLabel",
    "bottomLabelText",
    "bottomText",
    "button",
    "buttonList",
    "buttons",
    "card",
    "cardActions",
    "carousel",
    "carouselCards",
    "chatDataSource",
    "chipList",
    "chips",
    "collapseButton",
    "collapseControl",
    "color",
    "columnItems",
    "columns",
    "commonDataSource",
    "content",
    "contentText",
    "controlType",
    "cropStyle",
    "dataSourceConfigs",
    "dateTimePicker",
    "decoratedText",
    "displayStyle",
    "divider",
    "endIcon",
    "expandButton",
    "externalDataSource",
    "fixedFooter",
    "footerWidgets",
    "function",
    "grid",
    "header",
    "hintText",
    "horizontalAlignment",
    "horizontalSizeStyle",
    "hostAppDataSource",
    "icon",
    "iconUrl",
    "id",
    "image",
    "imageAltText",
    "imageButton",
    "imageStyle",
    "imageType",
    "imageUri",
    "imageUrl",
    "initialSuggestions",
    "inputType",
    "interaction",
    "items",
    "key",
    "keyValue",
    "knownIcon",
    "label",
    "layout",
    "loadIndicator",
    "materialIcon",
    "name",
    "onChangeAction",
    "onClick",
    "onClose",
    "openAs",
    "openDynamicLinkAction",
    "openLink",
    "overflowMenu",
    "parameters",
    "peekCardHeader",
    "placeholderText",
    "platformDataSource",
    "primaryButton",
    "remoteDataSource",
    "requiredWidgets",
    "secondaryButton",
    "sectionDividerStyle",
    "sections",
    "selectionInput",
    "spaceDataSource",
    "startIcon",
    "startIconUri",
    "startIconVerticalAlignment",
    "strokeColor",
    "subtitle",
    "switchControl",
    "text",
    "textButton",
    "textInput",
    "textParagraph",
    "textSyntax",
    "title",
    "topLabel",
    "topLabelText",
    "type",
    "url",
    "validation",
    "value",
    "valueMsEpoch",
    "verticalAlignment",
    "visibility",
    "widgets",
];

/// The card in the shape that Google takes.
pub(super) fn in_shape(card: Value) -> Value {
    shape(card, Due::Anything)
}

fn shape(value: Value, due: Due) -> Value {
    match value {
        Value::Object(map) => Value::Object(fields(map)),
        Value::Array(items) => items.into_iter().map(|item| shape(item, due)).collect(),
        scalar => convert(scalar, due),
    }
}

/// The fields with known keys in the API's spelling; of several spellings the last in byte order wins, as in Go.
fn fields(map: Map<String, Value>) -> Map<String, Value> {
    let mut pairs: Vec<(String, Value)> = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let names: std::collections::BTreeSet<String> =
        pairs.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
    if names.len() < pairs.len() {
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    let mut fields = Map::new();
    for (key, value) in pairs {
        let (name, due) = known(&key);
        // To Google an empty text or list is the same as none, and some fields may be there only with something in them.
        let nothing =
            name.is_some() && (value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty));
        if !nothing {
            fields.insert(name.map_or(key, ToOwned::to_owned), shape(value, due));
        }
    }
    fields
}

fn known(key: &str) -> (Option<&'static str>, Due) {
    let find = |keys: &[&'static str]| keys.iter().find(|name| name.eq_ignore_ascii_case(key)).copied();
    for (keys, due) in [(BOOLS, Due::Bool), (NUMBERS, Due::Number), (OTHERS, Due::Text)] {
        if let Some(name) = find(keys) {
            return (Some(name), due);
        }
    }
    (None, Due::Anything)
}

/// A text where a text is due; a boolean or number out of a template's text where one is due. What does not fit stays as it
/// is, so that Google's error names it.
fn convert(scalar: Value, due: Due) -> Value {
    match (due, scalar) {
        (Due::Text, Value::Bool(truth)) => truth.to_string().into(),
        (Due::Text, Value::Number(number)) => as_text(&number).into(),
        (Due::Bool, Value::String(text)) => match text.trim() {
            "true" => true.into(),
            "false" => false.into(),
            _ => text.into(),
        },
        (Due::Number, Value::String(text)) => match text.trim().parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => text.into(),
        },
        (_, scalar) => scalar,
    }
}

/// The number as upstream prints one into a text (services 1.2).
fn as_text(number: &Number) -> String {
    use crate::model::{Node, NodeKind, Position};
    let float = number.as_f64().filter(|_| number.is_f64());
    let printed = float.map(|float| Node::new(NodeKind::Float(float), Position::default()).text());
    printed.and_then(Result::ok).unwrap_or_else(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_get_the_type_that_is_due() {
        let card = json!({
            "Header": {"TITLE": 1_234_567, "subtitle": true, "imageUrl": null, "imageType": ""},
            "cardActions": [],
            "unknown": ["", []],
            "sections": [{"collapsible": "true", "uncollapsibleWidgetsCount": "2", "widgets": [
                {"textParagraph": {"text": 1.50, "maxLines": 3}},
                {"grid": {"columnCount": "many", "items": [{"title": 18_446_744_073_709_551_615u64}]}},
                {"decoratedText": {"wrapText": false, "text": 1e30, "someNewFlag": false, "someNew": {"Text": 5}}}
            ]}]
        });
        let shaped = json!({
            "header": {"title": "1234567", "subtitle": "true"},
            "unknown": ["", []],
            "sections": [{"collapsible": true, "uncollapsibleWidgetsCount": 2, "widgets": [
                {"textParagraph": {"text": "1.5", "maxLines": 3}},
                {"grid": {"columnCount": "many", "items": [{"title": "18446744073709551615"}]}},
                {"decoratedText": {"wrapText": false, "text": "1e+30", "someNewFlag": false, "someNew": {"text": "5"}}}
            ]}]
        });
        assert_eq!(in_shape(card), shaped);
    }

    #[test]
    fn of_several_spellings_the_last_in_byte_order_wins() {
        assert_eq!(in_shape(json!({"text": "b", "Text": "a"})), json!({"text": "b"}));
    }
}
