//! Several statements as one.
//!
//! A server may be far away, and each time that somebody waits for it costs a way there and back. So the
//! statements of a transaction that cannot notice each other are told at once, as the parts of one
//! (`WITH part0 AS (UPDATE …), part1 AS (INSERT …) SELECT …`). It is a transaction of its own, so BEGIN and
//! COMMIT need not be told either: one message there, one back.
//!
//! All parts see the tables as they were before the statement, and PostgreSQL does not promise an
//! order. To have the same effect as one after the other, then,
//!
//! - parts only insert and update, and read nothing but the rows that they change;
//! - no two parts are about one table, but for one that is followed by inserts of new rows, which it
//!   would not have seen either way;
//! - what inserts into one table is one part, with a row for each, in their order.
//!
//! Keys that lead to other tables are checked by PostgreSQL when all parts are done.

use super::together::Pending;

/// What tells one such statement from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    sql: &'static str,
    /// How many values each row has, or the one statement.
    values: usize,
    /// How many rows of values are inserted; 1 for what is no insert.
    rows: usize,
    /// Must it change something, with each of its rows?
    checked: bool,
}

/// Statements that can be told as one.
pub(super) struct Composed {
    pub(super) shape: Shape,
    /// For each part, the places of its statements among those that were composed.
    places: Vec<Vec<usize>>,
}

impl Composed {
    /// None: they are not such, or too many.
    pub(super) fn of(pending: &[Pending]) -> Option<Self> {
        if pending.len() > MOST {
            return None;
        }
        let mut found: Vec<(Kind, Part, Vec<usize>)> = Vec::new();
        for (place, statement) in pending.iter().enumerate() {
            let checked = statement.unmet.is_some();
            let kind = Kind::of(statement.sql, checked)?;
            let mut known = found.iter_mut().filter(|_| kind.gathers);
            let same = |part: &Part| part.sql == statement.sql && part.checked == checked;
            if let Some((_, part, places)) = known.find(|(_, part, _)| same(part)) {
                part.rows += 1;
                places.push(place);
                continue;
            }
            let mut others = found.iter().filter(|(other, ..)| other.table == kind.table);
            if others.any(|(other, ..)| other.adds || !kind.adds) {
                return None;
            }
            let part = Part {
                sql: statement.sql,
                values: statement.params.len(),
                rows: 1,
                checked,
            };
            found.push((kind, part, vec![place]));
        }
        let (parts, places): (Vec<_>, Vec<_>) = found
            .into_iter()
            .map(|(_, part, places)| (part, places))
            .unzip();
        let shape = Shape(parts);
        (!places.is_empty()).then_some(Self { shape, places })
    }

    /// Of the statements that were composed, the one with the first of its values, then the next: the
    /// order of [`Shape::text`]'s parameters.
    pub(super) fn in_order(&self) -> impl Iterator<Item = usize> {
        self.places.iter().flatten().copied()
    }

    /// The statement that changed nothing, of which the server says so by the number of its part. Of
    /// several rows it may be another.
    pub(super) fn place_of(&self, part: usize) -> Option<usize> {
        self.places.get(part)?.first().copied()
    }
}

impl Shape {
    /// In PostgreSQL's words. Where a part that must change something did not, it fails with [`UNMET`]
    /// and the part's number as detail.
    pub(super) fn text(&self) -> String {
        let mut parts = Vec::new();
        let mut checks = Vec::new();
        let mut before = 0;
        for (number, part) in self.0.iter().enumerate() {
            let conflict = part.sql.find(ON_CONFLICT).unwrap_or(part.sql.len());
            let (insert, conflict) = part.sql.split_at(conflict);
            let mut text = numbered(insert.trim_end(), before);
            if let Some((_, row)) = insert.trim_end().split_once(VALUES) {
                for again in 1..part.rows {
                    text += ", ";
                    text += &numbered(row, before + again * part.values);
                }
            }
            if !conflict.is_empty() {
                text += " ";
                text += &numbered(conflict, before);
            }
            before += part.rows * part.values;
            if part.checked {
                text += " RETURNING 1";
                // Nothing, rather than less than all.
                let all = match part.rows {
                    1 => String::new(),
                    rows => format!(" / {rows}"),
                };
                checks.push(format!(
                    "must_change((SELECT count(*) FROM part{number}){all}, {number})"
                ));
            }
            parts.push(format!("part{number} AS ({text})"));
        }
        if checks.is_empty() {
            checks.push("1".to_owned());
        }
        format!("WITH {} SELECT {}", parts.join(", "), checks.join(", "))
    }
}

/// What a statement does, as far as others may notice.
struct Kind {
    table: &'static str,
    /// It inserts new rows, whatever is there, and need not say how many.
    adds: bool,
    /// Several of it are one that inserts several rows.
    gathers: bool,
}

impl Kind {
    /// None: more than may be a part.
    fn of(sql: &'static str, checked: bool) -> Option<Self> {
        if ["SELECT", "FROM", "RETURNING"]
            .iter()
            .any(|word| sql.contains(word))
        {
            return None;
        }
        let mut words = sql.split_ascii_whitespace();
        match (words.next()?, words.next()?) {
            ("INSERT", "INTO") => {
                let adds = !checked && !sql.contains(ON_CONFLICT);
                Some(Self {
                    table: words.next()?,
                    adds,
                    gathers: adds || sql.ends_with("DO NOTHING"),
                })
            }
            ("UPDATE", table) => Some(Self {
                table,
                adds: false,
                gathers: false,
            }),
            _ => None,
        }
    }
}

/// `?1` is `$1` for PostgreSQL, or comes after those before it. No statement of ours has another
/// question mark.
pub(super) fn numbered(sql: &str, before: usize) -> String {
    let mut pieces = sql.split('?');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = piece.split_at(end.unwrap_or(piece.len()));
        let number = digits.parse().map_or(0, |number: usize| before + number);
        text += &format!("${number}{rest}");
    }
    text
}

/// What the function `must_change` of our schema says: a state that no server knows.
pub(super) const UNMET: &str = "PEC01";

/// In an insert, what precedes the row, and what may follow it.
const VALUES: &str = "VALUES ";
const ON_CONFLICT: &str = "ON CONFLICT";

/// Each number of rows is a statement of its own, which the server must be taught. A message to one of ours
/// and ten of others has about as many.
const MOST: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::{Unmet, params};

    const ADD: &str = "INSERT INTO log (event, at) VALUES (?1, ?2)";
    const ADD_OTHERWISE: &str = "INSERT INTO log (at) VALUES (?1)";
    const END: &str = "UPDATE outbox SET state = ?2, next_at = ?3 WHERE key = ?1";
    const NARROW: &str = "UPDATE outbox SET recipients = ?2 WHERE key = ?1";
    const MAKE: &str = "INSERT INTO outbox (key, at, next_at) VALUES (?1, ?2, ?2)";
    const ONCE: &str = "INSERT INTO tracked (pec_id) VALUES (?1) ON CONFLICT DO NOTHING";
    const REPLACED: &str = "INSERT INTO tracked (pec_id) VALUES (?1)
        ON CONFLICT (pec_id) DO UPDATE SET version = ?2";

    fn later(sql: &'static str, values: usize) -> Pending {
        Pending::new(sql, &params![0_i64, 0_i64, 0_i64][..values], None).unwrap()
    }

    fn must_change(sql: &'static str, values: usize) -> Pending {
        let unmet = Some(Unmet::Repeated);
        Pending {
            unmet,
            ..later(sql, values)
        }
    }

    /// The rows of a table stay in their order, whatever comes between them, and each part's
    /// parameters come after those before it.
    #[test]
    fn parts_become_one_statement() {
        let pending = [
            must_change(END, 3),
            later(ADD, 2),
            later(MAKE, 2),
            later(ADD, 2),
            must_change(ONCE, 1),
        ];
        let one = Composed::of(&pending).unwrap();
        assert_eq!(
            one.shape.text(),
            "WITH \
             part0 AS (UPDATE outbox SET state = $2, next_at = $3 WHERE key = $1 RETURNING 1), \
             part1 AS (INSERT INTO log (event, at) VALUES ($4, $5), ($6, $7)), \
             part2 AS (INSERT INTO outbox (key, at, next_at) VALUES ($8, $9, $9)), \
             part3 AS (INSERT INTO tracked (pec_id) VALUES ($10) ON CONFLICT DO NOTHING \
             RETURNING 1) \
             SELECT must_change((SELECT count(*) FROM part0), 0), \
             must_change((SELECT count(*) FROM part3), 3)"
        );
        assert_eq!(one.in_order().collect::<Vec<_>>(), [0, 1, 3, 2, 4]);
        assert_eq!((one.place_of(0), one.place_of(3)), (Some(0), Some(4)));
        assert_eq!(one.place_of(4), None);
    }

    /// Each row of them must be new.
    #[test]
    fn rows_that_must_be_new_are_one_part() {
        let pending = [must_change(ONCE, 1), later(ADD, 2), must_change(ONCE, 1)];
        let one = Composed::of(&pending).unwrap();
        assert_eq!(
            one.shape.text(),
            "WITH \
             part0 AS (INSERT INTO tracked (pec_id) VALUES ($1), ($2) ON CONFLICT DO NOTHING \
             RETURNING 1), \
             part1 AS (INSERT INTO log (event, at) VALUES ($3, $4)) \
             SELECT must_change((SELECT count(*) FROM part0) / 2, 0)"
        );
        assert_eq!(one.in_order().collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!(one.place_of(0), Some(0));
        let one = Composed::of(&[must_change(REPLACED, 2), later(ADD, 2)]).unwrap();
        let part = "VALUES ($1) ON CONFLICT (pec_id) DO UPDATE SET version = $2 RETURNING 1";
        assert!(one.shape.text().contains(part), "{}", one.shape.text());
    }

    #[test]
    fn where_nothing_is_checked_there_is_something_to_select() {
        let one = Composed::of(&[later(END, 3), later(ADD, 2)]).unwrap();
        assert!(one.shape.text().ends_with(" SELECT 1"));
    }

    /// What one of them does would depend on what another has done.
    #[test]
    fn what_may_notice_each_other_stays_apart() {
        let apart: [&[Pending]; 9] = [
            // Of two changes of one row, PostgreSQL would make one.
            &[later(END, 3), later(END, 3)],
            &[must_change(END, 3), later(NARROW, 2)],
            // What is to be changed would not be there yet.
            &[later(MAKE, 2), later(END, 3)],
            // Which of them comes first nobody knows.
            &[later(ADD, 2), later(ADD_OTHERWISE, 1)],
            // Which of them must change something?
            &[must_change(ONCE, 1), later(ONCE, 1)],
            &[must_change(ONCE, 1), must_change(REPLACED, 2)],
            &[later(ADD, 2), later("SELECT pg_advisory_xact_lock(?1)", 1)],
            &[
                later(ADD, 2),
                later("DELETE FROM publication WHERE id = ?1", 1),
            ],
            &[],
        ];
        for pending in apart {
            let statements: Vec<_> = pending.iter().map(|pending| pending.sql).collect();
            assert!(Composed::of(pending).is_none(), "{statements:?}");
        }
        let many: Vec<Pending> = (0..=MOST).map(|_| later(ADD, 2)).collect();
        assert!(Composed::of(&many).is_none());
        assert!(Composed::of(&many[1..]).is_some());
    }
}
