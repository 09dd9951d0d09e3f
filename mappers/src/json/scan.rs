//! The scanner: one pass, no recursion, one node a value.

use std::borrow::Cow;
use std::collections::HashSet;

use super::tape::{KEY_ESCAPED, NAMELESS, NO_KEY, Node, SPACED, VALUE_ESCAPED, children_of, path, plain_name};
use super::write::{escape, unescape};
use super::{JsonError, Kind};

/// How deep objects and arrays may stand in each other.
pub const MAX_DEPTH: usize = 100;
const TOO_DEEP: &str = "objects and arrays stand too deep in each other (limit 100); flatten the value";
const DEEPER: &str = "objects and arrays stand deeper in each other than the text may be; flatten the value";
/// The longest text, in bytes: offsets are 32 bits.
pub const MAX_LENGTH: usize = u32::MAX as usize - 1;

/// Objects with more members than this look names up in a hash set.
const LINEAR_MEMBERS: u32 = 24;

/// Scans a whole text whose objects and arrays stand at most `depth` deep in each other.
pub(super) fn scan(bytes: &[u8], depth: usize) -> Result<(&str, Vec<Node>), JsonError> {
    let refuse = |offset, message| JsonError::at(bytes, offset, String::new(), message);
    if bytes.len() > MAX_LENGTH {
        return Err(refuse(0, "the text is longer than 4 GiB; send it in parts"));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(refuse(0, "the text starts with a byte order mark; send UTF-8 without one"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| refuse(error.valid_up_to(), "the text is not valid UTF-8 here; send UTF-8"))?;
    let mut scanner = Scanner {
        text,
        bytes,
        depth,
        at: 0,
        spaces: 0,
        nodes: Vec::with_capacity((bytes.len() / 16 + 8).min(1 << 16)),
        open: Vec::with_capacity(16),
        key: Key::NONE,
    };
    match scanner.run() {
        Ok(()) => Ok((text, scanner.nodes)),
        Err(fault) => Err(scanner.error(&fault)),
    }
}

struct Fault {
    at: usize,
    message: &'static str,
}

type Outcome<T> = Result<T, Fault>;

#[derive(Clone, Copy)]
struct Key {
    start: u32,
    end: u32,
    flags: u8,
}

impl Key {
    const NONE: Self = Self { start: NO_KEY, end: 0, flags: 0 };
}

/// An object or array that has not ended yet.
struct Open<'a> {
    node: u32,
    count: u32,
    spaces: usize,
    /// One bit for each name seen, by a cheap hash: a clear bit proves that a name is new.
    seen: u64,
    names: Option<HashSet<Cow<'a, str>>>,
    object: bool,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The limit of `open`.
    depth: usize,
    at: usize,
    /// White space characters outside strings so far.
    spaces: usize,
    nodes: Vec<Node>,
    open: Vec<Open<'a>>,
    key: Key,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Outcome<()> {
        self.skip_space();
        loop {
            if self.value()? {
                continue;
            }
            if !self.after_value()? {
                break;
            }
        }
        if self.at < self.bytes.len() {
            return Err(self.fault("there is text after the value; send exactly one JSON value"));
        }
        Ok(())
    }

    /// Reads a value. True where it opened an object or array whose first member or item comes next.
    fn value(&mut self) -> Outcome<bool> {
        let start = self.at;
        match self.peek() {
            b'"' => {
                let escaped = self.string()?;
                self.push(Kind::String, start, if escaped { VALUE_ESCAPED } else { 0 });
            }
            b'{' => return self.enter(true),
            b'[' => return self.enter(false),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                self.push(Kind::Number, start, 0);
            }
            b't' => self.literal("true", Kind::True)?,
            b'f' => self.literal("false", Kind::False)?,
            b'n' => self.literal("null", Kind::Null)?,
            _ if start >= self.bytes.len() => return Err(self.fault("the text ends where a value should start")),
            _ => {
                return Err(self.fault("a value should start here: object, array, string, number, true, false or null"));
            }
        }
        Ok(false)
    }

    /// Closes what ends here and steps to the next value. False at the end of the root.
    fn after_value(&mut self) -> Outcome<bool> {
        loop {
            self.skip_space();
            let Some(open) = self.open.last() else { return Ok(false) };
            let object = open.object;
            match (self.peek(), object) {
                (b',', _) => {
                    self.at += 1;
                    self.skip_space();
                    if object {
                        self.member_name()?;
                    }
                    return Ok(true);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    self.close();
                }
                (_, true) => return Err(self.fault("a comma or } should stand here")),
                (_, false) => return Err(self.fault("a comma or ] should stand here")),
            }
        }
    }

    fn enter(&mut self, object: bool) -> Outcome<bool> {
        if self.open.len() >= self.depth {
            return Err(self.fault(if self.depth == MAX_DEPTH { TOO_DEEP } else { DEEPER }));
        }
        let node = self.nodes.len() as u32;
        let spaces = self.spaces;
        self.push(if object { Kind::Object } else { Kind::Array }, self.at, 0);
        self.open.push(Open { node, count: 0, spaces, seen: 0, names: None, object });
        self.at += 1;
        self.skip_space();
        if self.peek() == if object { b'}' } else { b']' } {
            self.at += 1;
            self.close();
            return Ok(false);
        }
        if object {
            self.member_name()?;
        }
        Ok(true)
    }

    fn close(&mut self) {
        let next = self.nodes.len() as u32;
        if let Some(open) = self.open.pop() {
            let node = &mut self.nodes[open.node as usize];
            node.end = self.at as u32;
            node.next = next;
            node.count = open.count;
            if self.spaces != open.spaces {
                node.flags |= SPACED;
            }
        }
    }

    fn member_name(&mut self) -> Outcome<()> {
        let start = self.at;
        if self.peek() != b'"' {
            return Err(self.fault("a member name in double quotes should stand here"));
        }
        let escaped = self.string()?;
        self.key = Key { start: start as u32, end: self.at as u32 - 1, flags: if escaped { KEY_ESCAPED } else { 0 } };
        self.remember_name(start)?;
        self.skip_space();
        if self.peek() != b':' {
            return Err(self.fault("a colon should stand here"));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Refuses a name that its object already has.
    #[inline]
    fn remember_name(&mut self, start: usize) -> Outcome<()> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if self.key.flags & KEY_ESCAPED == 0 && open.count < LINEAR_MEMBERS {
            let bit = name_bit(&self.bytes[self.key.start as usize + 1..self.key.end as usize]);
            if open.seen & bit == 0 {
                open.seen |= bit;
                return Ok(());
            }
        }
        self.compare_name(start)
    }

    /// The slow half of [`Self::remember_name`]: the name has escapes, many siblings, or a sibling of the same hash.
    fn compare_name(&mut self, start: usize) -> Outcome<()> {
        let (text, nodes, key) = (self.text, &self.nodes, self.key);
        let raw = &text[key.start as usize + 1..key.end as usize];
        let name = if key.flags & KEY_ESCAPED == 0 { Cow::Borrowed(raw) } else { Cow::Owned(unescape(raw)) };
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let bit = name_bit(name.as_bytes());
        let twice = if let Some(names) = &mut open.names {
            !names.insert(name)
        } else if open.count >= LINEAR_MEMBERS {
            let mut names: HashSet<_> = children_of(nodes, open.node).map(|node| node.key(text)).collect();
            let twice = !names.insert(name);
            open.names = Some(names);
            twice
        } else {
            open.seen & bit != 0 && children_of(nodes, open.node).any(|node| node.key(text) == name)
        };
        open.seen |= bit;
        if twice {
            return Err(Fault { at: start, message: "a member of this name stands in the object already; keep one" });
        }
        Ok(())
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, flags: u8) {
        let parent = match self.open.last_mut() {
            Some(open) => {
                open.count += 1;
                open.node
            }
            None => 0,
        };
        let key = std::mem::replace(&mut self.key, Key::NONE);
        self.nodes.push(Node {
            start: start as u32,
            end: self.at as u32,
            key_start: key.start,
            key_end: key.end,
            parent,
            next: self.nodes.len() as u32 + 1,
            count: 0,
            kind,
            flags: flags | key.flags,
        });
    }

    /// Steps over a string; true where it holds escapes.
    #[inline]
    fn string(&mut self) -> Outcome<bool> {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    match escape(&self.bytes[self.at..]) {
                        Some(('\0', _)) => return Err(self.fault("a string holds NUL (\\u0000); remove it")),
                        Some((_, length)) => self.at += length,
                        None => return Err(self.fault("this escape is not one of JSON, or is half a surrogate pair")),
                    }
                }
                Some(_) => return Err(self.fault("a control character stands in a string; escape it")),
                None => return Err(self.fault("the text ends inside a string")),
            }
        }
    }

    fn number(&mut self) -> Outcome<()> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.peek().is_ascii_digit() {
            return Err(self.fault("a number may not start with 0 here; write it without leading zeros"));
        }
        Ok(())
    }

    fn digits(&mut self) -> Outcome<()> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("a digit should stand here")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str, kind: Kind) -> Outcome<()> {
        let start = self.at;
        if !self.bytes[start..].starts_with(word.as_bytes()) {
            return Err(self.fault("a value should start here: object, array, string, number, true, false or null"));
        }
        self.at += word.len();
        self.push(kind, start, 0);
        Ok(())
    }

    #[inline]
    fn skip_space(&mut self) {
        if self.peek() > b' ' {
            return;
        }
        let start = self.at;
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.spaces += self.at - start;
    }

    /// The byte here; NUL, which starts nothing, past the end.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn fault(&self, message: &'static str) -> Fault {
        Fault { at: self.at, message }
    }

    fn error(&self, fault: &Fault) -> JsonError {
        let mut expression =
            self.open.last().map_or_else(String::new, |open| path(&self.nodes, self.text, open.node, true));
        if let Some(open) = self.open.last() {
            if !open.object {
                expression.push_str(&format!("[{}]", open.count));
            } else if self.key.start != NO_KEY {
                let raw = &self.text[self.key.start as usize + 1..self.key.end as usize];
                if !expression.is_empty() {
                    expression.push('.');
                }
                expression.push_str(plain_name(&unescape(raw)).unwrap_or(NAMELESS));
            }
        }
        JsonError::at(self.bytes, fault.at, expression, fault.message)
    }
}

fn name_bit(name: &[u8]) -> u64 {
    let (first, last) = (name.first().copied().unwrap_or(0), name.last().copied().unwrap_or(0));
    let middle = name.get(name.len() / 2).copied().unwrap_or(0);
    let mix = u32::from(first) ^ (u32::from(last) << 8) ^ (u32::from(middle) << 16) ^ ((name.len() as u32) << 24);
    1 << (mix.wrapping_mul(0x9E37_79B1) >> 26)
}

/// How many bytes at the front are neither quote, backslash nor control character: eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut done = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let below = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let stop = below | zero_byte(word ^ (ONES * u64::from(b'"'))) | zero_byte(word ^ (ONES * u64::from(b'\\')));
        if stop != 0 {
            // Borrows only run upwards, so the lowest mark is exact.
            return done + (stop.trailing_zeros() / 8) as usize;
        }
        done += 8;
    }
    let rest = &bytes[done..];
    done + rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}
