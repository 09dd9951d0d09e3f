//! Answers, the lists that they are in, and the terms that are answered from these.

use terminology::index::Kind;

use super::Reading;
use super::role::{ANSWERED, ANSWERS};
use super::term::checked;
use crate::fault::Fault;

/// Reads lists and answers. A list that somebody else defines has no answers here.
pub(super) fn lists(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&ANSWERS, "lists of answers") else { return Ok(()) };
    let (list, name) = (table.needs(&["AnswerListId"])?, table.needs(&["AnswerListName"])?);
    let (answer, text) = (table.needs(&["AnswerStringId"])?, table.needs(&["DisplayText"])?);
    reading.each(&table, |draft, report, row| {
        let (list, answer) = (row.get(list), row.get(answer));
        if list.is_empty() {
            return Err(table.fault(row.line, "there is no list"));
        }
        for (code, display) in [(list, row.get(name)), (answer, row.get(text))] {
            if !code.is_empty() && draft.find(code).is_none() {
                checked(report, &table, row, code);
                let at = draft.concept(code)?;
                draft.display(at, display)?;
            }
        }
        match draft.find(answer) {
            Some(at) => Ok(draft.property(at, "answer-list", Kind::Code, list)?),
            None => Ok(()),
        }
    })
}

/// Reads which term is answered from which list.
pub(super) fn linked(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&ANSWERED, "which term is answered from which list") else { return Ok(()) };
    let (term, list) = (table.needs(&["LoincNumber"])?, table.needs(&["AnswerListId"])?);
    reading.each(&table, |draft, report, row| {
        let (term, list) = (row.get(term), row.get(list));
        let (Some(term_at), Some(list_at)) = (draft.find(term), draft.find(list)) else {
            report.odd(&table.file.name, row.line, format!("{term} or {list} is not there; skipped"));
            return Ok(());
        };
        draft.property(term_at, "AnswerList", Kind::Code, list)?;
        Ok(draft.property(list_at, "answers-for", Kind::Code, term)?)
    })
}
