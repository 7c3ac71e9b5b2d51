//! Mail bytes: reading them exactly, changing them as little as the rules allow, writing new
//! ones.
//!
//! Structure (where parts begin and end, what must be re-encoded) is found by [`scan`], which is
//! ours because signatures hang on exact octets and hostile input must cost linear time. The
//! *values* of header fields are left to `mail-parser`, transfer encodings to `encodify`.

pub(crate) mod compose;
pub(crate) mod content;
pub(crate) mod header;
pub(crate) mod recode;
pub(crate) mod scan;
pub(crate) mod system;
