//! The frame of a page: a Bundle of type searchset or history, written straight into bytes.
//!
//! <https://hl7.org/fhir/R4/bundle.html>

use bytes::Bytes;
use mappers::json::write_string;

/// A page being written.
pub(crate) struct Page {
    out: Vec<u8>,
    entries: usize,
}

/// What stands before the entries.
pub(crate) struct Head<'h> {
    /// `searchset` or `history`.
    pub(crate) kind: &'static str,
    /// How many match in all.
    pub(crate) total: Option<u64>,
    /// The address of this page, with the parameters that were used.
    pub(crate) here: &'h str,
    /// The address of the next page.
    pub(crate) next: Option<&'h str>,
}

impl Page {
    /// Starts a page that will hold about this many bytes of entries.
    pub(crate) fn new(head: &Head<'_>, size: usize) -> Self {
        let mut out = Vec::with_capacity(size + 512);
        out.extend_from_slice(br#"{"resourceType":"Bundle","type":""#);
        out.extend_from_slice(head.kind.as_bytes());
        out.push(b'"');
        if let Some(total) = head.total {
            out.extend_from_slice(format!(r#","total":{total}"#).as_bytes());
        }
        out.extend_from_slice(br#","link":[{"relation":"self","url":"#);
        write_string(&mut out, head.here);
        if let Some(next) = head.next {
            out.extend_from_slice(br#"},{"relation":"next","url":"#);
            write_string(&mut out, next);
        }
        out.extend_from_slice(b"}]");
        Self { out, entries: 0 }
    }

    /// Starts an entry; the writer adds its members, each with a comma before it but the first.
    pub(crate) fn entry(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend_from_slice(if self.entries == 0 { br#","entry":[{"# } else { b",{" });
        self.entries += 1;
        write(&mut self.out);
        self.out.push(b'}');
    }

    /// The Bundle.
    pub(crate) fn finish(mut self) -> Bytes {
        if self.entries > 0 {
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_page_has_no_entry_member() {
        let head = Head { kind: "searchset", total: Some(0), here: "http://h/fhir/Patient?a=\"", next: None };
        assert_eq!(
            Page::new(&head, 0).finish(),
            r#"{"resourceType":"Bundle","type":"searchset","total":0,"link":[{"relation":"self","url":"http://h/fhir/Patient?a=\""}]}"#
        );
    }

    #[test]
    fn entries_are_separated() {
        let mut page = Page::new(&Head { kind: "history", total: None, here: "h", next: Some("n") }, 10);
        page.entry(|out| out.extend_from_slice(b"\"a\":1"));
        page.entry(|out| out.extend_from_slice(b"\"b\":2"));
        assert_eq!(
            page.finish(),
            r#"{"resourceType":"Bundle","type":"history","link":[{"relation":"self","url":"h"},{"relation":"next","url":"n"}],"entry":[{"a":1},{"b":2}]}"#
        );
    }
}
