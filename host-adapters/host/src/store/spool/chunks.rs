//! Large messages as rows of a table, a chunk each.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::body::{Place, Source};
use crate::store::db::{DbError, Postgres, Promise, Tx, params};

/// The tables `spool` and `spool_chunk`.
///
/// Nothing here holds a transaction open, nor more than one chunk in memory: a message is written
/// and read chunk by chunk, with whichever connection is free. Nobody reads one before it is
/// whole, as nothing refers to it until then.
#[derive(Debug)]
pub(in crate::store) struct Chunks {
    db: Arc<Postgres>,
}

impl Chunks {
    pub(super) fn new(db: Arc<Postgres>) -> Self {
        Self { db }
    }

    pub(super) fn write(
        &self,
        name: &str,
        size: u64,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let id: i64 = self.in_transaction(&mut |tx| {
            tx.value(
                "INSERT INTO spool (name, size) VALUES (?1, ?2) RETURNING id",
                params![name, size],
            )
        })?;
        let mut to = Writer {
            chunks: self,
            id,
            number: 0,
            octets: Vec::with_capacity(CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))),
        };
        write(&mut to)?;
        to.flush()
    }

    /// With its chunks.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        self.in_transaction(&mut |tx| {
            tx.execute("DELETE FROM spool WHERE name = ?1", params![name])
                .map(drop)
        })
    }

    fn in_transaction<T>(
        &self,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> io::Result<T> {
        // Durable with the commit that refers to it.
        self.db.write(Promise::Seen, work).map_err(io::Error::other)
    }
}

impl Place for Chunks {
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        let row = self.db.look(&mut |tx| {
            tx.find(
                "SELECT id, size FROM spool WHERE name = ?1",
                params![name],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        });
        let (id, size) = row.map_err(io::Error::other)?.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("the table spool has no message {name}"),
            )
        })?;
        Ok(Box::new(Reader {
            db: Arc::clone(&self.db),
            id,
            size,
            position: 0,
            chunk: None,
        }))
    }
}

/// Collects a chunk, and writes it.
struct Writer<'a> {
    chunks: &'a Chunks,
    id: i64,
    /// Of the next chunk.
    number: u64,
    octets: Vec<u8>,
}

impl Write for Writer<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = octets.len().min(CHUNK - self.octets.len());
        self.octets.extend_from_slice(&octets[..count]);
        if self.octets.len() == CHUNK {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.octets.is_empty() {
            return Ok(());
        }
        let Self {
            chunks,
            id,
            number,
            octets,
        } = self;
        chunks.in_transaction(&mut |tx| {
            tx.execute(
                "INSERT INTO spool_chunk (spool, number, octets) VALUES (?1, ?2, ?3)",
                params![*id, *number, &*octets],
            )
        })?;
        self.number += 1;
        self.octets.clear();
        Ok(())
    }
}

/// Reads from anywhere, and keeps the chunk it read last.
struct Reader {
    db: Arc<Postgres>,
    id: i64,
    size: u64,
    position: u64,
    chunk: Option<(u64, Vec<u8>)>,
}

impl Read for Reader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size {
            return Ok(0);
        }
        let number = self.position / CHUNK as u64;
        // Less than a chunk's size.
        let start = (self.position % CHUNK as u64) as usize;
        let chunk = match &self.chunk {
            Some((held, chunk)) if *held == number => chunk,
            _ => {
                // The one before goes first: one chunk in memory, not two.
                self.chunk = None;
                let read = self.db.look(&mut |tx| {
                    tx.find(
                        "SELECT octets FROM spool_chunk WHERE spool = ?1 AND number = ?2",
                        params![self.id, number],
                        |row| row.get(0),
                    )
                });
                let chunk: Option<Vec<u8>> = read.map_err(io::Error::other)?;
                &self.chunk.insert((number, chunk.unwrap_or_default())).1
            }
        };
        let left = chunk.get(start..).unwrap_or_default();
        let count = left.len().min(to.len());
        to[..count].copy_from_slice(&left[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Large enough that round trips do not matter, small enough to forget about. PostgreSQL splits
/// it further by itself.
const CHUNK: usize = 512 * 1024;
