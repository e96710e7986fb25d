//! A case: a template, its data, and what Go answered.

use dodona_gotmpl::{RenderError, Template};
use dodona_langhost::{Host, runtime, scope};
use dodona_value::{Document, NodeKind, Numbers};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// One case of a file.
pub(crate) struct Case {
    pub(crate) id: String,
    source: String,
    data: Option<Box<RawValue>>,
    host: Host,
    want: Want,
}

enum Want {
    Text(Vec<u8>),
    Compile,
    Run,
}

impl Case {
    /// Reads a line; `None` for cases of the other language.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let case: Json = serde_json::from_str(line).expect("a case is JSON");
        if case.get("kind").and_then(Json::as_str).unwrap_or("template") != "template" {
            return None;
        }
        let text = |key: &str| case.get(key).and_then(Json::as_str).map(str::to_owned);
        let want = match (text("err").filter(|text| !text.is_empty()), text("phase").as_deref()) {
            (Some(_), Some("compile")) => Want::Compile,
            (Some(_), _) => Want::Run,
            (None, _) => Want::Text(match text("out_b64") {
                Some(encoded) => decode(&encoded),
                None => text("out").unwrap_or_default().into_bytes(),
            }),
        };
        Some(Self {
            id: text("id").unwrap_or_default(),
            source: text("src").expect("a case has a source"),
            data: case.get("data").map(|data| RawValue::from_string(data.to_string()).expect("JSON")),
            host: Host::named(&text("host").unwrap_or_default()).expect("a known host"),
            want,
        })
    }

    /// What is wrong with our answer, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        let template = match (Template::parse("t", &self.source), &self.want) {
            (Err(_), Want::Compile) => return Ok(()),
            (Err(error), _) => return Err(self.differs(&format!("refused: {error}"))),
            (Ok(_), Want::Compile) => return Err(self.differs("accepted")),
            (Ok(template), _) => template,
        };
        match (self.render(&template), &self.want) {
            (Err(_), Want::Run) => Ok(()),
            (Ok(text), Want::Text(want)) if text == *want => Ok(()),
            (Ok(text), _) => Err(self.differs(&format!("{:?}", String::from_utf8_lossy(&text)))),
            (Err(error), _) => Err(self.differs(&format!("failed: {error}"))),
        }
    }

    fn render(&self, template: &Template) -> Result<Vec<u8>, RenderError> {
        if self.host == Host::None {
            let text = self.data.as_deref().map_or("null", RawValue::get);
            let document = Document::parse(text, Numbers::Kubernetes).expect("the data of a case is JSON");
            if document.root().kind() != NodeKind::Map {
                return template.render_dot(&document.to_value(), &runtime());
            }
        }
        let scope = scope(self.data.as_deref(), self.host).expect("the data of a case is JSON");
        template.render(&scope, &runtime())
    }

    fn differs(&self, got: &str) -> String {
        let want = match &self.want {
            Want::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            Want::Compile => "refused".to_owned(),
            Want::Run => "failed".to_owned(),
        };
        format!("{}\n  source {:?}\n  want   {want}\n  got    {got}", self.id, self.source)
    }
}

fn decode(encoded: &str) -> Vec<u8> {
    let source = format!("{{{{b64dec {encoded:?}}}}}");
    let template = Template::parse("decode", &source).expect("a call");
    template.render(&dodona_value::Scope::new(), &runtime()).expect("base64")
}
