//! The documents whose arrays hold resources.

use super::main_table::{self, InsertParameter};
use super::names::Names;
use super::select;
use crate::map::PatientSource;

/// What is done to the document of one row.
#[derive(Clone, Debug)]
pub struct ArrayStatements {
    /// The document: `$1` is the organization, `$2` the row's key.
    pub document: String,
    /// Sets it: `$1` is the organization, `$2` the key, `$3` the document, `$4` the time where the map has a column for it.
    /// Returns the document.
    pub update: String,
    /// The keys of the rows that are a patient's: `$1` is the organization, `$2` the patient's key. At most two.
    pub of_patient: Option<String>,
    /// Keys and documents in the order of the keys: `$1` is the organization, after the key `$2`, at most `$3`.
    pub page: String,
}

impl ArrayStatements {
    pub(super) fn new(names: &Names<'_>) -> Option<Self> {
        let map = names.map;
        let number = map.array_slot()?;
        let slot = &map.slots[number];
        let mut changes = vec![InsertParameter::Slot(number)];
        changes.extend(map.updated.as_ref().map(|_| InsertParameter::Updated));
        let document = names.read(&map.table, slot);
        let (source, conditions) = (select::source(names, None), select::conditions(names).join(" and "));
        let of_patient = |slot: usize| {
            let slot = &map.slots[slot];
            let column = names.column(names.table_of(slot), &slot.column);
            let patient = names.dialect.bind("$2", slot.kind, &slot.declared);
            format!("select {} from {source} where {conditions} and {column} = {patient} limit 2", names.read_key())
        };
        Some(Self {
            document: format!(
                "select {document} from {} where {} = {} and {}",
                names.quote(&map.table),
                names.column(&map.table, &map.key),
                names.bind_key("$2"),
                names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)
            ),
            update: main_table::update(names, None, &changes),
            of_patient: match map.patient {
                PatientSource::Slot(slot) => Some(of_patient(slot)),
                PatientSource::None | PatientSource::Key => None,
            },
            page: format!(
                "select {key}, {document} from {source} where {conditions} and {key} > $2 order by {key} limit $3",
                key = names.read_key()
            ),
        })
    }
}
