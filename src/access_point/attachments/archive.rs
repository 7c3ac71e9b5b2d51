//! Zip archives, by their central directory: what unpackers show is what counts.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use super::{Inspector, Place, Why, is_eml, magic};

impl Inspector<'_> {
    /// Looks into `octets` if they are an archive, whatever stands before it in the file.
    pub(super) fn archive(&mut self, place: &Place, octets: &[u8]) {
        let claims_to_be_one = octets.starts_with(LOCAL_HEADER);
        let Ok(archive) = ZipArchive::from_slice(octets) else {
            if claims_to_be_one {
                self.find(place, Why::Unreadable);
            }
            return;
        };
        if place.depth >= self.limits.archive_depth {
            return self.find(place, Why::TooMuchInside);
        }
        let mut package = Package::default();
        for (index, entry) in archive.entries().enumerate() {
            if self.is_done() {
                return;
            }
            let Ok(entry) = entry else {
                // A stray end record at the end of some other file makes no archive.
                if claims_to_be_one || index > 0 {
                    self.find(place, Why::Unreadable);
                }
                return;
            };
            if self.entries == 0 {
                return self.find(place, Why::TooMuchInside);
            }
            self.entries -= 1;
            let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            package.note(&name);
            if !entry.is_dir() {
                self.entry(&place.inside(&name), &name, &archive, &entry);
            }
        }
        self.judge_kind(place, Some(package.kind()));
    }

    fn entry(
        &mut self,
        place: &Place,
        name: &str,
        archive: &ZipSliceArchive<&[u8]>,
        entry: &ZipFileHeaderRecord<'_>,
    ) {
        if self.judge_name(place, name) || entry.flags().is_encrypted() {
            return;
        }
        let Ok(packed) = archive.get_entry(entry.wayfinder()) else {
            return self.find(place, Why::Unreadable);
        };
        let packed = packed.data();
        match entry.compression_method() {
            CompressionMethod::STORE => self.content(place, packed, is_eml(name)),
            CompressionMethod::DEFLATE => {
                let (start, _) = inflate(packed, self.limits.signature_prefix);
                let size = entry.uncompressed_size_hint();
                if self.judge_kind(place, magic::kind_of(&start, size)) {
                    return;
                }
                if start.starts_with(LOCAL_HEADER) || is_container(name) {
                    self.inflated_container(place, name, packed);
                }
            }
            // Other methods are rare, and mail programs' viewers do not open them.
            _ => {}
        }
    }

    fn inflated_container(&mut self, place: &Place, name: &str, packed: &[u8]) {
        let (octets, is_whole) = inflate(packed, self.inflated);
        self.inflated -= octets.len().min(self.inflated);
        if is_whole {
            self.content(place, &octets, is_eml(name));
        } else {
            self.find(place, Why::TooMuchInside);
        }
    }
}

/// What kind of zip it is, by the names inside: office documents and programs are zips too.
#[derive(Default)]
struct Package {
    office: bool,
    macros: bool,
    java: bool,
    android: bool,
}

impl Package {
    fn note(&mut self, name: &str) {
        self.office |= name == "[Content_Types].xml" || name == "mimetype";
        self.macros |= name.ends_with("vbaProject.bin");
        self.java |= name == "META-INF/MANIFEST.MF";
        self.android |= name == "AndroidManifest.xml";
    }

    fn kind(&self) -> &'static magic::Kind {
        match self {
            _ if self.macros => &magic::OFFICE_MACROS,
            _ if self.office => &magic::OFFICE,
            _ if self.android => &magic::ANDROID,
            _ if self.java => &magic::JAVA_ARCHIVE,
            _ => &magic::ZIP,
        }
    }
}

/// The first octets, and whether they are all. Broken data give what comes before the break.
fn inflate(packed: &[u8], limit: usize) -> (Vec<u8>, bool) {
    match decompress_to_vec_with_limit(packed, limit) {
        Ok(octets) => (octets, true),
        Err(error) => (error.output, error.status != TINFLStatus::HasMoreOutput),
    }
}

fn is_container(name: &str) -> bool {
    is_eml(name) || super::extension(name).is_some_and(|extension| extension == "zip")
}

/// What a zip file begins with unless something was put before it.
const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
