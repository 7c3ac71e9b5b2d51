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
    /// All header sections of a message together. Ten thousand parts of 400 octets each: what a
    /// hostile message can make of headers, which cost more than bodies, is bounded by this.
    pub header_sections: usize,
    /// Header fields of one section. Trace headers and list headers reach 150.
    pub header_fields: usize,
    /// One header field of a submission, folds included. Postfix silently cuts a field at 60,000
    /// octets when a milter is on (`HEADER_LIMIT` of its milter client): what comes that long may
    /// have been longer, and nobody can certify what was lost. Others are held to the same.
    pub header_field: usize,
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
    /// Archives inside each other that are looked into for forbidden attachments (F14). An Office
    /// document in a zip in a forwarded message makes three.
    pub archive_depth: usize,
    /// Entries of all archives of a message. A collection of a few thousand scans is real; each
    /// entry costs one inflated prefix.
    pub archive_entries: usize,
    /// Octets inflated to look into archives inside archives, all together. Twice the largest
    /// message that the law makes a provider take.
    pub inflated: usize,
    /// Octets of a file that show what it is. The PE header, which is farthest from the start,
    /// stands within the first kilobyte of what compilers write.
    pub signature_prefix: usize,
    /// Forbidden files that one notice names.
    pub forbidden_named: usize,
    /// Certificates looked at while a certification path is searched. Real ones have two below the
    /// root; this leaves room for every re-issue of AgID CA1 in one signature, and none for
    /// signatures made to be searched for ever.
    pub path_steps: usize,
    /// Parts of a message that an examination lists. People read some dozens; the rest is counted.
    pub listed: usize,
    /// Enclosed PEC messages that an examination finds: a file of receipts forwarded at once.
    pub enclosed: usize,
    /// A provider directory. The national one has about 300,000 domains of 30 octets.
    pub directory: usize,
    /// All that a host hands over in one call, where the face takes it octet by octet. It stands
    /// three times in 4 GiB of address space (as it came, re-encoded, and on its way out) and is
    /// twice the largest message that providers are known to take.
    pub call: usize,
    /// Items of lists and fields of records in one argument, or in a frame, which has all of them,
    /// where the face takes them one by one. A tick of 500 recipients that are due, whose messages
    /// have 500 recipients each, has 1.5 million.
    pub items: usize,
}

impl Limits {
    /// The limits in force.
    pub const DEFAULT: Self = Self {
        depth: 100,
        parts: 10_000,
        header_section: 262_144,
        header_sections: 4_194_304,
        header_fields: 1_000,
        header_field: 60_000,
        line: 998,
        delivery_status: 1_048_576,
        daticert: 1_048_576,
        signature: 262_144,
        certificates: 16,
        archive_depth: 4,
        archive_entries: 10_000,
        inflated: 67_108_864,
        signature_prefix: 4_096,
        forbidden_named: 10,
        path_steps: 32,
        listed: 500,
        enclosed: 500,
        directory: 67_108_864,
        call: 268_435_456,
        items: 2_000_000,
    };
}
