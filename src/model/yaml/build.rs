//! Parser events to a tree: aliases, merge keys, duplicates, tags, and the bounds on depth and size.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::Parsed;
use super::repair::Source;
use super::scalar::{Tag, resolve};
use crate::model::{Key, Node, NodeError, NodeKind, Position};

/// Deepest nesting. Real configurations stay under ten; what reads a tree may recurse this deep.
const MAX_DEPTH: usize = 64;

/// Largest tree of a value, aliases expanded, in units of a node or 64 bytes of text.
pub(super) const MAX_WEIGHT: usize = 200_000;

/// Warnings kept; a text that has more is wrong as a whole.
const MAX_WARNINGS: usize = 20;

/// A tree under construction.
pub(super) struct Builder<'a> {
    source: &'a Source<'a>,
    open: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    weight: usize,
    /// The weight that is too much.
    heaviest: usize,
    root: Option<Node>,
    root_in_brackets: bool,
    warnings: Vec<NodeError>,
    tagged: Vec<Position>,
}

/// A collection whose end has not come yet.
struct Frame {
    at: Position,
    anchor: usize,
    weight_before: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Mapping),
}

#[derive(Default)]
struct Mapping {
    pairs: Vec<(Key, Node)>,
    index: HashMap<String, Slot>,
    pending: Option<Pending>,
    /// Bytes of the last key, if it was a plain scalar.
    key_bytes: Option<Range<usize>>,
}

/// Where a key's pair lies.
#[derive(Clone, Copy)]
struct Slot {
    index: usize,
    /// Whether it came in through `<<`, so that overwriting it is what was meant.
    merged: bool,
}

/// A scalar as the parser reports it.
struct Scalar<'t> {
    text: &'t str,
    plain: bool,
    tag: Option<String>,
}

/// A key whose value has not come yet.
enum Pending {
    Key(Key),
    /// `<<`: the value's fields are put in (core 1.4.13).
    Merge,
}

/// A node that aliases may repeat.
struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

impl<'a> Builder<'a> {
    /// An empty tree for `source`.
    pub(super) fn new(source: &'a Source<'a>, heaviest: usize) -> Self {
        Self {
            source,
            open: Vec::new(),
            anchors: HashMap::new(),
            weight: 0,
            heaviest,
            root: None,
            root_in_brackets: false,
            warnings: Vec::new(),
            tagged: Vec::new(),
        }
    }

    /// Whether the document is complete because the bracket that opened it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.root.is_some() && self.root_in_brackets
    }

    /// Warns about text behind the end of the document.
    pub(super) fn trailing(&mut self, at: Position) {
        self.warn(
            "yaml-trailing",
            at,
            "the value ends before this, and what follows is ignored; remove it, or check the brackets",
        );
    }

    /// Takes the next event, which covers `span`.
    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), NodeError> {
        let at = self.source.position(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                let scalar = Scalar {
                    text: self.unended(&text, style, span),
                    plain: style == ScalarStyle::Plain,
                    tag,
                };
                self.note_key(scalar.plain, span);
                self.scalar(&scalar, anchor, at)
            }
            Event::SequenceStart(style, anchor, _) => self.open(Content::List(Vec::new()), style, anchor, at),
            Event::MappingStart(style, anchor, _) => {
                self.open(Content::Map(Mapping::default()), style, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    /// The finished document.
    pub(super) fn finish(self) -> Parsed {
        match self.root {
            Some(node) => Parsed { node, warnings: self.warnings, tagged: self.tagged },
            None => Parsed::empty(),
        }
    }

    /// The text of a scalar. A block whose last line has no line break does not get one (YAML 1.1).
    fn unended<'t>(&self, text: &'t str, style: ScalarStyle, span: Span) -> &'t str {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let last = block && span.end.byte_offset().is_some_and(|end| end >= self.source.text().len());
        if last && self.source.ends_inside_a_line() { text.strip_suffix('\n').unwrap_or(text) } else { text }
    }

    fn note_key(&mut self, plain: bool, span: Span) {
        if let Some(Frame { content: Content::Map(mapping), .. }) = self.open.last_mut()
            && mapping.pending.is_none()
        {
            mapping.key_bytes = span.byte_range().filter(|_| plain);
        }
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, anchor: usize, at: Position) -> Result<(), NodeError> {
        let Scalar { text, plain, .. } = *scalar;
        let tag = scalar.tag.as_deref();
        let merge = plain && text == "<<" && tag.is_none() || tag == Some("tag:yaml.org,2002:merge");
        if let Some(Frame { content: Content::Map(Mapping { pending: pending @ None, .. }), .. }) =
            self.open.last_mut()
            && merge
        {
            *pending = Some(Pending::Merge);
            return Ok(());
        }
        let tag = tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").map_or(Tag::Local, Tag::Core));
        if tag.is_some_and(|tag| tag != Tag::Core("str")) {
            self.tagged.push(at);
        }
        if plain && tag == Some(Tag::Local) {
            let message = "`!` begins a YAML tag, and the tag is not part of the text; \
                           put the whole text in quotes if it is meant as text or as an expression";
            self.warn("yaml-tag", at, message);
        }
        let kind = resolve(text, plain, tag).map_err(|message| NodeError::new(at, message))?;
        let weight = 1 + text.len() / 64;
        self.add_weight(weight, at)?;
        let node = Node::new(kind, at);
        self.anchor(anchor, &node, weight, 0, at)?;
        self.value(node, 0)
    }

    fn open(
        &mut self,
        content: Content,
        style: StructureStyle,
        anchor: usize,
        at: Position,
    ) -> Result<(), NodeError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.root_in_brackets |= self.open.is_empty() && style == StructureStyle::Flow;
        let weight_before = self.weight;
        self.add_weight(1, at)?;
        self.open.push(Frame { at, anchor, weight_before, height: 0, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), NodeError> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let in_list = matches!(self.open.last(), Some(Frame { content: Content::List(_), .. }));
        let kind = match frame.content {
            Content::List(items) => NodeKind::List(items),
            Content::Map(mapping) => match mapping.colon_text(self.source.text()) {
                Some(text) if in_list => NodeKind::Text(text),
                _ => NodeKind::Map(mapping.pairs),
            },
        };
        let node = Node::new(kind, frame.at);
        let height = frame.height + 1;
        self.anchor(frame.anchor, &node, self.weight - frame.weight_before, height, frame.at)?;
        self.value(node, height)
    }

    fn anchor(
        &mut self,
        id: usize,
        node: &Node,
        weight: usize,
        height: usize,
        at: Position,
    ) -> Result<(), NodeError> {
        if id != 0 {
            self.add_weight(weight, at)?;
            self.anchors.insert(id, Anchored { node: node.clone(), weight, height });
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<(), NodeError> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(NodeError::new(
                at,
                "this alias stands inside its own anchor; write the value out here",
            ));
        };
        let (weight, height) = (anchored.weight, anchored.height);
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        let mut node = anchored.node.clone();
        self.add_weight(weight, at)?;
        node.at = at;
        self.value(node, height)
    }

    fn add_weight(&mut self, weight: usize, at: Position) -> Result<(), NodeError> {
        self.weight += weight;
        if self.weight > self.heaviest {
            return Err(NodeError::new(
                at,
                "the value is too large, aliases (`*name`) counted as often as they are used; shorten it",
            ));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs: as root, item, key or value.
    fn value(&mut self, node: Node, height: usize) -> Result<(), NodeError> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        let duplicate = match &mut frame.content {
            Content::List(items) => {
                items.push(node);
                None
            }
            Content::Map(mapping) => match mapping.pending.take() {
                None => {
                    mapping.pending = Some(Pending::Key(key(&node)?));
                    None
                }
                Some(Pending::Key(key)) => mapping.insert(key, node, false),
                Some(Pending::Merge) => {
                    mapping.merge(node)?;
                    None
                }
            },
        };
        if let Some(key) = duplicate {
            self.warn(
                "yaml-duplicate-key",
                key.at,
                &format!("`{}` is given twice, and this one counts; remove one of them", key.text),
            );
        }
        Ok(())
    }

    fn warn(&mut self, rule: &'static str, at: Position, message: &str) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(NodeError::new(at, message).rule(rule));
        }
    }
}

impl Mapping {
    /// The text that `slack:` in `[slack:, x]` is in YAML 1.1, where a colon needs a blank behind it to make a mapping.
    fn colon_text(&self, source: &str) -> Option<String> {
        let [(_, value)] = self.pairs.as_slice() else { return None };
        let bytes = self.key_bytes.clone()?;
        let colon = bytes.end + source.get(bytes.end..)?.find(':')?;
        let (blanks, behind) = (source.get(bytes.end..colon)?, source.get(colon + 1..)?);
        let is_text =
            value.is_null() && blanks.chars().all(|letter| letter == ' ') && behind.starts_with([',', ']']);
        is_text.then(|| source.get(bytes.start..=colon).map(str::to_owned))?
    }

    /// Adds a pair; the last of several equal keys counts (core 1.4.11). Returns a key that was written twice.
    fn insert(&mut self, key: Key, value: Node, merged: bool) -> Option<Key> {
        let next = Slot { index: self.pairs.len(), merged };
        let Some(before) = self.index.insert(key.text.clone(), next) else {
            self.pairs.push((key, value));
            return None;
        };
        self.index.insert(key.text.clone(), Slot { index: before.index, merged });
        let pair = self.pairs.get_mut(before.index)?;
        *pair = (key.clone(), value);
        (!merged && !before.merged).then_some(key)
    }

    /// Puts in the fields of a mapping, or of several of which the first counts. As in go-yaml v2 the fields that stood
    /// before `<<` are overwritten, those behind it are not.
    fn merge(&mut self, node: Node) -> Result<(), NodeError> {
        let wrong =
            |at| NodeError::new(at, "`<<` needs a mapping or a list of mappings, such as `<<: *defaults`");
        let sources = match node.kind {
            NodeKind::List(items) => items,
            NodeKind::Map(_) => vec![node],
            _ => return Err(wrong(node.at)),
        };
        for source in sources.into_iter().rev() {
            let NodeKind::Map(pairs) = source.kind else { return Err(wrong(source.at)) };
            for (key, value) in pairs {
                self.insert(key, value, true);
            }
        }
        Ok(())
    }
}

/// A key as text (core 1.4.22).
fn key(node: &Node) -> Result<Key, NodeError> {
    let text = match &node.kind {
        NodeKind::Null => {
            return Err(NodeError::new(node.at, "this line has no name before the colon; write one"));
        }
        NodeKind::List(_) | NodeKind::Map(_) => {
            let message = "a list or mapping cannot be a name here; put quotes around a text that begins with `{{`, `{` or `[`";
            return Err(NodeError::new(node.at, message));
        }
        NodeKind::Float(value) if value.is_infinite() => {
            if *value > 0.0 { ".inf" } else { "-.inf" }.to_owned()
        }
        NodeKind::Float(value) if value.is_nan() => ".nan".to_owned(),
        _ => node.text()?,
    };
    Ok(Key { text, at: node.at })
}

fn too_deep(at: Position) -> NodeError {
    NodeError::new(
        at,
        format!(
            "the value is nested more than {MAX_DEPTH} levels deep; flatten it, or put quotes around text in brackets"
        ),
    )
}
