//! What can be said of a template without rendering it: which variables it names, and what it writes where. For `lint`.

use std::ops::Range;

use crate::code::{Op, ROOT};
use crate::function::Callee;
use crate::template::Template;

/// A variable of the scope that a template names: the `app` of `{{.app.metadata.name}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it stands in the source, in bytes.
    pub span: Range<usize>,
}

/// A value that a template writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed<'a> {
    /// Where the pipeline stands in the source, in bytes.
    pub span: Range<usize>,
    /// The chains of fields in it, each without its variable: `["app", "metadata", "name"]`, `["message"]` for `$c.message`.
    pub fields: Vec<Vec<&'a str>>,
    /// The functions that it calls, in order of their calls.
    pub functions: Vec<&'a str>,
}

impl Template {
    /// The variables that the main body names, in order of appearance.
    pub fn variables(&self) -> Vec<Variable<'_>> {
        let code = self.code();
        let first = |chain: u32| code.chains.get(chain as usize)?.names.first();
        let mut found = Vec::new();
        for op in &code.ops {
            if let Op::Field { slot: ROOT, chain } | Op::PrintField { slot: ROOT, chain } = op
                && let Some(name) = first(*chain)
                && let Some(text) = name.text.to_str()
            {
                found.push(Variable { name: text, span: name.start as usize..name.end as usize });
            }
        }
        found.sort_by_key(|variable| variable.span.start);
        found
    }

    /// The values that it writes, in order of appearance.
    pub fn printed(&self) -> Vec<Printed<'_>> {
        let code = self.code();
        let mut found: Vec<Printed<'_>> = Vec::new();
        for (index, op) in code.ops.iter().enumerate() {
            let Some(&(start, end)) = code.spans.get(index) else { continue };
            let first = match op {
                Op::PrintField { .. } => index,
                // What belongs to the pipeline stands in front of it, inside its span.
                Op::Print => {
                    let inside = |at: &usize| {
                        code.spans.get(*at).is_some_and(|&(from, to)| from >= start && to <= end)
                    };
                    (0..index).rev().take_while(inside).last().unwrap_or(index)
                }
                _ => continue,
            };
            let (fields, functions) = self.parts(first..index + 1);
            found.push(Printed { span: start as usize..end as usize, fields, functions });
        }
        found.sort_by_key(|printed| printed.span.start);
        found
    }

    fn parts(&self, ops: Range<usize>) -> (Vec<Vec<&str>>, Vec<&str>) {
        let (code, mut fields, mut functions) = (self.code(), Vec::new(), Vec::new());
        for op in code.ops.get(ops).unwrap_or_default() {
            match op {
                Op::Field { chain, .. } | Op::PrintField { chain, .. } | Op::Chain(chain) => {
                    let names = code.chains.get(*chain as usize).map(|chain| &chain.names);
                    fields.push(names.into_iter().flatten().filter_map(|name| name.text.to_str()).collect());
                }
                Op::Call { callee, .. } => match code.callees.get(*callee as usize) {
                    Some(Callee::Native(def)) => functions.push(def.name),
                    Some(Callee::Host(function)) => functions.extend(function.0.name().to_str()),
                    None => {}
                },
                _ => {}
            }
        }
        (fields, functions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written() {
        let source = r#"{"a": "{{.app.name}}", {{range $i, $c := .app.list}}{{$c.message | trunc 5 | toJson}}{{end}}{{printf "%s" (index .x "y").z}}"#;
        let template = Template::parse("t", source).unwrap();
        let printed = template.printed();
        let shown: Vec<_> = printed
            .iter()
            .map(|one| {
                let fields: Vec<_> = one.fields.iter().map(|names| names.join(".")).collect();
                format!(
                    "{} {} {}",
                    source.get(one.span.clone()).unwrap_or_default(),
                    fields.join(","),
                    one.functions.join(",")
                )
            })
            .collect();
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown[0].ends_with("app.name "), "{shown:#?}");
        assert!(shown[1].ends_with("message trunc,toJson"), "{shown:#?}");
        assert!(shown[2].ends_with("x,z index,printf"), "{shown:#?}");
    }

    #[test]
    fn variables_of_the_scope() {
        let template = Template::parse("t", "{{.app.x}}{{with .context}}{{.url}}{{$.other}}{{end}}").unwrap();
        let names: Vec<_> = template.variables().into_iter().map(|variable| variable.name).collect();
        assert_eq!(names, ["app", "context", "other"]);
    }
}
