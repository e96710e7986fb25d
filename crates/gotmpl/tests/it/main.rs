//! Tests of templates through the public interface. A case is a line of a file; these modules only read and compare.

mod case;
mod conformance;
mod functions;
mod limits;
mod mutation;
mod template;
mod testdata;

/// Far more than anything here takes, however busy the machine is, and far less than what has no end.
const SOON: std::time::Duration = std::time::Duration::from_mins(5);
