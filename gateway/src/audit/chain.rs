//! Chains of batches: one for each organization and each writer of a process.
//!
//! A chain begins with the heads of the chains that were there and grows by a link a batch. Its head is a hash of the link,
//! which names the head before and the Merkle root of the batch: who holds a head can tell whether anything before it is
//! not as it was. Hashes of beginnings and links are over the canonical form of [`super::record`].

use aes_gcm_siv::aead::Generate as _;
use consent::OrganizationId;

use super::merkle::{self, Domain, Hash, Tree, hex};
use super::record::{self, encode};
use crate::store::connection::{Arg, Connection, DbError, Engine};

/// How a chain begins: what was there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Beginning {
    pub(super) organization: i64,
    pub(super) chain: i64,
    /// Milliseconds since 1970.
    pub(super) began: i64,
    /// `CHAIN:LINK:HEAD` of every chain that no other had joined, with spaces between.
    pub(super) joined: String,
    /// Records from before there were chains, and the root of their tree in the order of their keys.
    pub(super) before_count: i64,
    pub(super) before_root: String,
}

impl Beginning {
    /// The head of the chain while it has no link.
    pub(super) fn head(&self) -> String {
        let fields = [
            Arg::Int(self.organization),
            Arg::Int(self.chain),
            Arg::Int(self.began),
            Arg::Text(&self.joined),
            Arg::Int(self.before_count),
            Arg::Text(&self.before_root),
        ];
        hex(&merkle::hash(Domain::Beginning, &encode(&fields)))
    }

    /// The heads that the chain joined: chain, link, head.
    pub(super) fn joined(&self) -> impl Iterator<Item = (i64, i64, &str)> {
        self.joined.split(' ').filter_map(|text| {
            let (chain, rest) = text.split_once(':')?;
            let (link, head) = rest.split_once(':')?;
            Some((chain.parse().ok()?, link.parse().ok()?, head))
        })
    }

    /// Looks what is there for a new chain. On PostgreSQL the transaction names the organization.
    pub(super) async fn find(
        connection: &mut Connection,
        organization: OrganizationId,
        began: i64,
    ) -> Result<Self, DbError> {
        let prefix = prefix(connection.engine());
        let sql = format!(
            "select c.chain, c.joined, c.head, l.number, l.head from {prefix}audit_chains c \
             left join {prefix}audit_links l on l.organization_id = c.organization_id and l.chain = c.chain \
                 and l.number = (select max(m.number) from {prefix}audit_links m \
                     where m.organization_id = c.organization_id and m.chain = c.chain) \
             where c.organization_id = $1 order by c.chain"
        );
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        let known: Vec<&str> = rows.iter().filter_map(|row| row.text(1)).flat_map(|text| text.split(' ')).collect();
        let head = |row: &crate::store::connection::Row| {
            let (number, head) = (row.int(3).unwrap_or(0), row.text(4).or_else(|| row.text(2))?);
            Some(format!("{}:{number}:{head}", row.int(0)?))
        };
        let heads = rows.iter().filter_map(head).filter(|head| !known.contains(&head.as_str()));
        let joined: Vec<String> = heads.collect();
        let (before_count, before_root) = match rows.is_empty() {
            true => {
                let mut told = Told::default();
                let before = before(connection, organization.0, |count| told.at(organization, count)).await?;
                (before.count, before.root)
            }
            false => (0, hex(&Tree::default().root())),
        };
        Ok(Self {
            organization: organization.0,
            chain: identifier()?,
            began,
            joined: joined.join(" "),
            before_count,
            before_root,
        })
    }

    /// Writes it down.
    pub(super) async fn insert(&self, connection: &mut Connection) -> Result<(), DbError> {
        let sql = format!(
            "insert into {}audit_chains (organization_id, chain, began, joined, before_count, before_root, head) \
             values ($1, $2, $3, $4, $5, $6, $7)",
            prefix(connection.engine())
        );
        let head = self.head();
        let fields = [
            Arg::Int(self.organization),
            Arg::Int(self.chain),
            Arg::Int(self.began),
            Arg::Text(&self.joined),
            Arg::Int(self.before_count),
            Arg::Text(&self.before_root),
            Arg::Text(&head),
        ];
        connection.execute(&sql, &fields).await.map(drop)
    }
}

/// An organization's records from before there were chains.
pub(super) struct Before {
    pub(super) count: i64,
    /// The root of their tree in the order of their keys.
    pub(super) root: String,
    /// The last key.
    pub(super) key: i64,
}

/// How far the hashing of those is, for a log.
#[derive(Default)]
struct Told(i64);

impl Told {
    /// Every so many records.
    const STEP: i64 = 200_000;

    fn at(&mut self, organization: OrganizationId, count: i64) {
        if count / Self::STEP > self.0 {
            self.0 = count / Self::STEP;
            tracing::info!(
                organization = organization.0,
                records = count,
                "hashing the audit trail from before it was chained"
            );
        }
    }
}

/// Looks through an organization's records without a chain; `progress` is told their number so far.
pub(super) async fn before(
    connection: &mut Connection,
    organization: i64,
    mut progress: impl FnMut(i64),
) -> Result<Before, DbError> {
    const PAGE: i64 = 2000;
    let sql = format!(
        "select {}, seq from {}audit_events where organization_id = $1 and chain is null and seq > $2 \
         order by seq limit $3",
        record::names(),
        prefix(connection.engine())
    );
    let (mut tree, mut count, mut after) = (Tree::default(), 0, i64::MIN);
    loop {
        let rows = connection.fetch(&sql, &[organization, after, PAGE].map(Arg::Int)).await?;
        for row in &rows {
            tree.push(record::leaf(row));
            count += 1;
        }
        progress(count);
        match rows.last().and_then(|row| row.int(record::COLUMNS.len())) {
            Some(last) => after = last,
            None => return Ok(Before { count, root: hex(&tree.root()), key: after }),
        }
    }
}

/// One batch of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) organization: i64,
    pub(super) chain: i64,
    /// 1, 2, 3, ...
    pub(super) number: i64,
    /// The places of the batch's records, both within.
    pub(super) first: i64,
    pub(super) last: i64,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// The head before.
    pub(super) previous: String,
    /// The Merkle root of the batch.
    pub(super) root: String,
}

impl Link {
    /// The head of the chain with this link.
    pub(super) fn head(&self) -> String {
        let fields = [
            Arg::Int(self.organization),
            Arg::Int(self.chain),
            Arg::Int(self.number),
            Arg::Int(self.first),
            Arg::Int(self.last),
            Arg::Int(self.at),
            Arg::Text(&self.previous),
            Arg::Text(&self.root),
        ];
        hex(&merkle::hash(Domain::Link, &encode(&fields)))
    }
}

/// Where a chain stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chain {
    pub(super) organization: i64,
    pub(super) chain: i64,
    /// Its last link; 0 before the first.
    pub(super) number: i64,
    /// The place of its last record; 0 before the first.
    pub(super) last: i64,
    pub(super) head: String,
}

impl Chain {
    /// A chain without a link.
    pub(super) fn new(beginning: &Beginning) -> Self {
        let Beginning { organization, chain, .. } = *beginning;
        Self { organization, chain, number: 0, last: 0, head: beginning.head() }
    }

    /// The link of a batch, whose leaves are given in order.
    pub(super) fn link(&self, leaves: &[Hash], at: i64) -> Link {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        Link {
            organization: self.organization,
            chain: self.chain,
            number: self.number + 1,
            first: self.last + 1,
            last: self.last + i64::try_from(leaves.len()).unwrap_or(i64::MAX),
            at,
            previous: self.head.clone(),
            root: hex(&tree.root()),
        }
    }

    /// The chain with a link more.
    pub(super) fn after(link: &Link) -> Self {
        let Link { organization, chain, number, last, .. } = *link;
        Self { organization, chain, number, last, head: link.head() }
    }
}

/// Where the trail's tables lie.
pub(super) fn prefix(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "fhir_gateway.",
        Engine::Sqlite => "",
    }
}

/// A random number for a new chain; every reader of JSON has it exactly.
fn identifier() -> Result<i64, DbError> {
    let bytes = <[u8; 8]>::try_generate().map_err(|_| DbError::fault("the system gives no random numbers"))?;
    Ok(i64::from_be_bytes(bytes) & ((1 << 53) - 1))
}
