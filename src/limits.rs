//! How much work a message may cost. Every limit says where its number comes from; none of them
//! is a rule of PEC (those are [`crate::settings::MessageLimits`]).

/// Bounds on structure; sizes in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// MIME parts nested in each other. Mail programs stop at 20 to 100 (Postfix's
    /// `mime_nesting_limit` is 100); forwarded chains of forwards reach 15.
    pub depth: usize,
    /// MIME parts in all. The largest legitimate messages seen carry some hundreds of
    /// attachments.
    pub parts: usize,
    /// One header section. Postfix cuts single headers at 102,400 octets (`header_size_limit`);
    /// a section with 500 recipients takes 40,000.
    pub header_section: usize,
    /// Header fields of one section. Trace headers and list headers reach 150.
    pub header_fields: usize,
    /// One line (RFC 5322 §2.1.1), without its CRLF. Longer body lines are re-encoded, longer
    /// header lines refused.
    pub line: usize,
    /// The fields of a delivery status notification, decoded. 500 recipients with long replies
    /// of their servers make 300,000.
    pub delivery_status: usize,
    /// `daticert.xml`, decoded. 500 recipients of 254 octets make 150,000.
    pub daticert: usize,
    /// The CMS signature, decoded: leaf, AgID CA of 5,000 octets, root at worst.
    pub signature: usize,
    /// Certificates inside a signature: leaf and AgID CA1 travel; some send the root as well.
    pub certificates: usize,
    /// A provider directory. The national one has about 300,000 domains of 30 octets.
    pub directory: usize,
}

impl Limits {
    /// The limits in force.
    pub const DEFAULT: Self = Self {
        depth: 100,
        parts: 10_000,
        header_section: 262_144,
        header_fields: 1_000,
        line: 998,
        delivery_status: 1_048_576,
        daticert: 1_048_576,
        signature: 262_144,
        certificates: 16,
        directory: 67_108_864,
    };
}
