//! Tokens: <http://hl7.org/fhirpath/N1/#lexical-elements>.

use super::SyntaxError;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `@2015-02-04T14:34Z`, `@T14:34`, without the `@`.
    Moment(String),
    /// A name, or a word of the grammar.
    Name(String),
    /// A number as it is written.
    Number(String),
    /// A name in backticks, which is never a word of the grammar.
    Quoted(String),
    /// Operators and brackets.
    Sign(&'static str),
    /// A string, unescaped.
    Text(String),
}

const SIGNS: [&str; 25] = [
    "!=", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "|", "&", "=", "~", "<", ">",
    "%", "$", ":",
];

/// The tokens of a text, each with the byte it starts at.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SyntaxError> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Vec::new();
    while reader.skip()? {
        let start = reader.at;
        found.push((start, reader.token()?));
    }
    Ok(found)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn fault(&self, message: &'static str) -> SyntaxError {
        SyntaxError { offset: self.at, message }
    }

    /// Goes over white space and comments; false at the end.
    fn skip(&mut self) -> Result<bool, SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if self.rest().starts_with("//") {
                self.at += self.rest().find('\n').unwrap_or_else(|| self.rest().len());
            } else if self.rest().starts_with("/*") {
                let end = self.rest().find("*/").ok_or_else(|| self.fault("a comment does not end"))?;
                self.at += end + 2;
            } else {
                return Ok(!self.rest().is_empty());
            }
        }
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        let first = self.rest().chars().next().unwrap_or_default();
        match first {
            '\'' => self.quoted('\'').map(Token::Text),
            '"' => self.quoted('"').map(Token::Text),
            '`' => self.quoted('`').map(Token::Quoted),
            '@' => {
                self.at += 1;
                Ok(Token::Moment(self.moment()))
            }
            '0'..='9' => Ok(Token::Number(self.number())),
            'A'..='Z' | 'a'..='z' | '_' => {
                Ok(Token::Name(self.take(|one| one.is_ascii_alphanumeric() || one == '_').to_owned()))
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
                let sign = sign.ok_or_else(|| self.fault("this character has no meaning in FHIRPath"))?;
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
        }
    }

    fn take(&mut self, accepts: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        self.at += self.rest().find(|one| !accepts(one)).unwrap_or_else(|| self.rest().len());
        &self.text[start..self.at]
    }

    /// Digits, with a fraction where digits follow the point.
    fn number(&mut self) -> String {
        let mut number = self.take(|one| one.is_ascii_digit()).to_owned();
        let fraction =
            self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit()));
        if fraction {
            self.at += 1;
            number.push('.');
            number.push_str(self.take(|one| one.is_ascii_digit()));
        }
        number
    }

    /// A date, with what follows a `T`: a point belongs to it only before digits of a second.
    fn moment(&mut self) -> String {
        let start = self.at;
        self.take(|one| one.is_ascii_digit() || one == '-');
        if self.rest().starts_with('T') {
            self.at += 1;
            self.take(|one| one.is_ascii_digit() || one == ':');
            if self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_digit())) {
                self.at += 1;
                self.take(|one| one.is_ascii_digit());
            }
            let zoned = self.rest().strip_prefix(['+', '-']).is_some_and(|rest| {
                rest.len() >= 5 && rest.as_bytes()[..2].iter().all(u8::is_ascii_digit) && rest.as_bytes()[2] == b':'
            });
            if self.rest().starts_with('Z') {
                self.at += 1;
            } else if zoned {
                self.at += 1;
                self.take(|one| one.is_ascii_digit() || one == ':');
            }
        }
        self.text[start..self.at].to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let mut out = String::new();
        let mut characters = self.text[self.at + 1..].char_indices();
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at += 1 + offset + 1;
                return Ok(out);
            }
            if character != '\\' {
                out.push(character);
                continue;
            }
            let escaped = characters.next().map(|(_, escaped)| escaped);
            out.push(match escaped {
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    code.and_then(char::from_u32).ok_or_else(|| self.fault("\\u takes four hexadecimal digits"))?
                }
                Some(plain @ ('\\' | '/' | '"' | '\'' | '`')) => plain,
                _ => return Err(self.fault("a string has an escape that FHIRPath does not know")),
            });
        }
        Err(self.fault("a string does not end"))
    }
}
