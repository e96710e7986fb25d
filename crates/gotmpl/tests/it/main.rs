//! Tests of templates through the public interface. A case is a line of a file; these modules only read and compare.

mod case;
mod conformance;
mod functions;
mod limits;
mod mutation;
mod template;
mod testdata;
