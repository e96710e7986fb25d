//! What every source must do (`suite`, run against both), and what is particular to each.
//!
//! The cluster is `dodona-fakeapi`, the folder is a temporary one. Nothing here waits for a fixed time to see that something
//! happened, only to see that nothing did.

#[cfg(test)]
mod dir;
#[cfg(test)]
mod kube;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod world;
