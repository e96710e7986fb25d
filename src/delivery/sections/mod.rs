//! Template sections of services that this version does not send to yet: they load, merge and print as upstream has them, so
//! that a template for several services works for those that are here.
//!
//! A section moves into its service's file when the service joins the table.

mod github;

use super::SectionType;
use crate::model::{Node, NodeError, Section};

/// The sections, by key.
pub(super) const PENDING: &[SectionType] = &[
    SectionType { key: "gcppubsub", compile: gcppubsub },
    SectionType { key: "github", compile: github::compile },
];

type Compiled = Result<Box<dyn Section>, NodeError>;

fn gcppubsub(template: &str, section: &Node) -> Compiled {
    static SHAPE: super::attributes::Shape = super::attributes::Shape {
        fields: &[],
        name: "attributes",
        shown: false,
        structure: super::template::Tree::compile,
    };
    super::attributes::compile(template, section, &SHAPE)
}
