//! A cursor over minified JSON of our own writing: members and items as slices of the text, nothing built.

/// The text is no minified JSON where it was looked at.
#[derive(Debug)]
pub(super) struct Corrupt;

#[derive(Clone)]
pub(super) struct Scan<'r> {
    text: &'r str,
    at: usize,
}

impl<'r> Scan<'r> {
    pub(super) fn new(text: &'r str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Corrupt> {
        if self.peek() != byte {
            return Err(Corrupt);
        }
        self.at += 1;
        Ok(())
    }

    /// Steps to the next member or item; false at the closing bracket, which is taken.
    #[inline]
    pub(super) fn more(&mut self, first: &mut bool, close: u8) -> Result<bool, Corrupt> {
        if self.peek() == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// A member's name as written between its quotes, and the colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<&'r str, Corrupt> {
        let start = self.at + 1;
        if self.peek() != b'"' {
            return Err(Corrupt);
        }
        self.string()?;
        let key = &self.text[start..self.at - 1];
        self.expect(b':')?;
        Ok(key)
    }

    /// Takes a `null`.
    #[inline]
    pub(super) fn null(&mut self) -> bool {
        let hole = self.text.as_bytes()[self.at.min(self.text.len())..].starts_with(b"null");
        if hole {
            self.at += 4;
        }
        hole
    }

    /// Takes a whole value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<&'r str, Corrupt> {
        let start = self.at;
        match self.peek() {
            b'"' => self.string()?,
            b'{' | b'[' => self.nested()?,
            _ => self.scalar(),
        }
        if self.at == start { Err(Corrupt) } else { Ok(&self.text[start..self.at]) }
    }

    fn string(&mut self) -> Result<(), Corrupt> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            at += memchr::memchr2(b'"', b'\\', bytes.get(at..).ok_or(Corrupt)?).ok_or(Corrupt)?;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(());
            }
            at += 2;
        }
    }

    fn scalar(&mut self) {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        self.at += rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(rest.len());
    }

    /// Brackets are matched by kind: one bit of the stack each, as deep as the scanner of clients' texts allows.
    fn nested(&mut self) -> Result<(), Corrupt> {
        let bytes = self.text.as_bytes();
        let (mut stack, mut depth) = (0_u128, 0);
        loop {
            match bytes.get(self.at).ok_or(Corrupt)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                open @ (b'{' | b'[') => {
                    stack = stack << 1 | u128::from(*open == b'{');
                    depth += 1;
                    if depth > 120 {
                        return Err(Corrupt);
                    }
                }
                close @ (b'}' | b']') => {
                    if (stack & 1 == 1) != (*close == b'}') {
                        return Err(Corrupt);
                    }
                    stack >>= 1;
                    depth -= 1;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
