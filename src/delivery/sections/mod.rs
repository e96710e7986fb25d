//! Template sections of services that this version does not send to yet: they load, merge and print as upstream has them, so
//! that a template for several services works for those that are here.
//!
//! A section moves into its service's file when the service joins the table.

mod github;

use super::SectionType;
use super::section::{Field, FieldSection, Kind};
use crate::model::{Node, NodeError, Section};

/// The sections, by key.
pub(super) const PENDING: &[SectionType] = &[
    SectionType { key: "gcppubsub", compile: gcppubsub },
    SectionType { key: "github", compile: github::compile },
    SectionType { key: "googlechat", compile: googlechat },
    SectionType { key: "mattermost", compile: attachments },
    SectionType { key: "rocketchat", compile: attachments },
    SectionType { key: "teams", compile: teams },
    SectionType { key: "teams-workflows", compile: teams_workflows },
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

fn attachments(template: &str, section: &Node) -> Compiled {
    FieldSection::compile(template, section, &[Field::text("attachments").always().holds(Kind::Payload)])
}

fn googlechat(template: &str, section: &Node) -> Compiled {
    const FIELDS: &[Field] = &[
        Field::text("cards").shown().holds(Kind::Payload),
        Field::text("cardsV2").shown().holds(Kind::Payload),
        Field::text("threadKey"),
    ];
    FieldSection::compile(template, section, FIELDS)
}

/// What both kinds of Teams have.
const TEAMS: [Field; 8] = [
    Field::text("template"),
    Field::text("title"),
    Field::text("summary"),
    Field::text("text"),
    Field::text("themeColor"),
    Field::text("facts").holds(Kind::Payload),
    Field::text("sections").holds(Kind::Payload),
    Field::text("potentialAction").holds(Kind::Payload),
];

fn teams(template: &str, section: &Node) -> Compiled {
    FieldSection::compile(template, section, &TEAMS)
}

fn teams_workflows(template: &str, section: &Node) -> Compiled {
    let card = Field::text("adaptiveCard").holds(Kind::Payload);
    let fields: Vec<Field> = TEAMS.into_iter().chain([card]).collect();
    FieldSection::compile(template, section, &fields)
}
