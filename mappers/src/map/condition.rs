//! SQL conditions of a map (`where`, `when`): checked for balance and column names, columns qualified with their table,
//! so that they stay unambiguous beside joined tables.

/// A condition ready to stand in a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Condition {
    /// The SQL text, columns qualified.
    pub(super) text: String,
    /// Columns that must not be null for it to hold; empty where an `or` leaves it open.
    pub(super) not_null: Vec<String>,
    /// Columns and the literals they must equal for it to hold (`kind = 'order'`); empty where an `or` leaves it open.
    pub(super) equal: Vec<(String, String)>,
    /// Columns of which one must not be null, where the condition is `a is not null or b is not null`.
    pub(super) one_not_null: Vec<String>,
}

/// Why a text is no condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ConditionError {
    /// Byte offset in the text.
    pub(super) at: usize,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) help: &'static str,
    /// The name that is unknown, for a suggestion instead.
    pub(super) name: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Quoted(&'a str),
    Other(&'a str),
}

/// Checks `text` as a condition on `table`. `columns` are the table's, or `None` where the schema is not known.
pub(super) fn compile(text: &str, table: &str, columns: Option<&[&str]>) -> Result<Condition, ConditionError> {
    let tokens = tokens(text)?;
    let mut written = String::with_capacity(text.len() + 32);
    let mut end = 0;
    let mut named: Vec<Option<String>> = Vec::with_capacity(tokens.len());
    for (index, (at, token)) in tokens.iter().enumerate() {
        written.push_str(&text[end..*at]);
        end = at + width(*token);
        let column = column(&tokens, index, table, columns)?;
        match &column {
            Some((name, true)) => written.push_str(&format!("{}.{}", quoted(table), quoted(name))),
            _ => written.push_str(&text[*at..end]),
        }
        named.push(column.map(|(name, _)| name));
    }
    written.push_str(&text[end..]);
    let (not_null, one_not_null) = not_null(&tokens, &named);
    Ok(Condition { text: written, not_null, one_not_null, equal: equal(&tokens, &named) })
}

/// The column a token names, and whether it must be qualified.
fn column(
    tokens: &[(usize, Token<'_>)],
    index: usize,
    table: &str,
    columns: Option<&[&str]>,
) -> Result<Option<(String, bool)>, ConditionError> {
    let (at, token) = tokens[index];
    let (name, is_quoted) = match token {
        Token::Word(name) => (name, false),
        Token::Quoted(name) => (name, true),
        Token::Other(_) => return Ok(None),
    };
    let next = |symbol: &str| tokens.get(index + 1).is_some_and(|(_, token)| *token == Token::Other(symbol));
    let before = |back: usize, symbol: &str| index >= back && tokens[index - back].1 == Token::Other(symbol);
    if next(".") {
        if !name.eq_ignore_ascii_case(table) {
            let message = format!("a condition is about the rows of `{table}`; `{name}` is another table");
            let help = "put a condition on a joined table into its join, or make a view";
            return Err(ConditionError { at, message, help, name: None });
        }
        return Ok(None);
    }
    let qualified = before(1, ".");
    if (next("(") || before(1, ":")) && !qualified {
        return Ok(None);
    }
    let found = columns.and_then(|columns| {
        columns
            .iter()
            .find(|column| **column == name)
            .or_else(|| columns.iter().find(|column| !is_quoted && column.eq_ignore_ascii_case(name)))
    });
    if let Some(found) = found {
        return Ok(Some(((*found).to_owned(), !qualified)));
    }
    let after_as = index > 0 && matches!(tokens[index - 1].1, Token::Word(word) if word.eq_ignore_ascii_case("as"));
    if !qualified && !is_quoted && (after_as || is_keyword(name)) {
        return Ok(None);
    }
    match columns {
        None => Ok(Some((name.to_owned(), !qualified))),
        Some(_) => {
            let message = format!("table `{table}` has no column `{name}`");
            Err(ConditionError { at, message, help: "", name: Some(name.to_owned()) })
        }
    }
}

/// Columns followed by `is not null`: all that must not be null, unless an `or` leaves it open, and those of which one
/// must not be.
fn not_null(tokens: &[(usize, Token<'_>)], named: &[Option<String>]) -> (Vec<String>, Vec<String>) {
    let word = |index: usize, text: &str| matches!(tokens.get(index), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(text));
    let tested = |index: &usize| word(index + 1, "is") && word(index + 2, "not") && word(index + 3, "null");
    let columns: Vec<String> = (0..tokens.len()).filter(tested).filter_map(|index| named[index].clone()).collect();
    let count = |wanted: &dyn Fn(usize) -> bool| (0..tokens.len()).filter(|index| wanted(*index)).count();
    let ors = count(&|index| word(index, "or"));
    if ors == 0 && count(&|index| word(index, "case")) == 0 {
        return (columns, Vec::new());
    }
    let qualified = count(&|index| tokens[index].1 == Token::Other("."));
    let nothing_else = columns.len() == ors + 1 && tokens.len() == 4 * columns.len() + ors + 2 * qualified;
    (Vec::new(), if nothing_else { columns } else { Vec::new() })
}

/// Parts `column = literal` that stand alone or between `and`s, outside parentheses.
fn equal(tokens: &[(usize, Token<'_>)], named: &[Option<String>]) -> Vec<(String, String)> {
    let word = |index: usize, text: &str| matches!(tokens.get(index), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(text));
    if (0..tokens.len()).any(|index| word(index, "or") || word(index, "case") || word(index, "between")) {
        return Vec::new();
    }
    let mut depth = 0_i32;
    let mut found = Vec::new();
    for (index, (_, token)) in tokens.iter().enumerate() {
        depth += i32::from(*token == Token::Other("(")) - i32::from(*token == Token::Other(")"));
        let alone = (index == 0 || word(index - 1, "and")) && (index + 3 == tokens.len() || word(index + 3, "and"));
        let (Some(column), true, 0) = (&named[index], alone, depth) else { continue };
        if let (Some((_, Token::Other("="))), Some((_, value))) = (tokens.get(index + 1), tokens.get(index + 2)) {
            found.extend(literal(*value).map(|value| (column.clone(), value.to_owned())));
        }
    }
    found
}

/// A text, a number or a truth value as it stands in SQL.
fn literal<'a>(token: Token<'a>) -> Option<&'a str> {
    match token {
        Token::Other(text) if text.starts_with('\'') || text.starts_with(|first: char| first.is_ascii_digit()) => {
            Some(text)
        }
        Token::Word(text) if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => Some(text),
        _ => None,
    }
}

/// The name as SQL takes it: plain where it is simple, else in double quotes.
pub(super) fn quoted(name: &str) -> String {
    let simple = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !is_keyword(name);
    if simple { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn width(token: Token<'_>) -> usize {
    match token {
        Token::Word(text) | Token::Other(text) => text.len(),
        Token::Quoted(text) => text.len() + 2,
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, ConditionError> {
    let fault = |at: usize, message: &str| {
        Err(ConditionError {
            at,
            message: message.to_owned(),
            help: "write one SQL condition, as `deleted_at is null`",
            name: None,
        })
    };
    let mut tokens = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len())
            }
            '0'..='9' => {
                rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').unwrap_or(rest.len())
            }
            '\'' | '"' => match rest[1..].find(first) {
                Some(length) => length + 2,
                None => return fault(at, "a quote is never closed"),
            },
            ';' => return fault(at, "`;` cannot stand in a condition"),
            '$' | '?' => return fault(at, "a condition has no parameters"),
            '-' if rest.starts_with("--") => return fault(at, "a condition has no comments"),
            '/' if rest.starts_with("/*") => return fault(at, "a condition has no comments"),
            _ => first.len_utf8(),
        };
        match first {
            '(' => open.push(at),
            ')' if open.pop().is_none() => return fault(at, "`)` closes nothing"),
            _ => {}
        }
        let piece = &rest[..length];
        tokens.push((
            at,
            match first {
                'a'..='z' | 'A'..='Z' | '_' => Token::Word(piece),
                '"' => Token::Quoted(&piece[1..piece.len() - 1]),
                _ => Token::Other(piece),
            },
        ));
        at += length;
    }
    match open.pop() {
        Some(at) => fault(at, "`(` is never closed"),
        None if tokens.is_empty() => fault(0, "the condition is empty"),
        None => Ok(tokens),
    }
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "and",
        "any",
        "array",
        "as",
        "between",
        "case",
        "cast",
        "collate",
        "current_date",
        "current_timestamp",
        "date",
        "distinct",
        "else",
        "end",
        "escape",
        "false",
        "from",
        "glob",
        "ilike",
        "in",
        "interval",
        "is",
        "isnull",
        "like",
        "not",
        "notnull",
        "null",
        "or",
        "order",
        "similar",
        "some",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "true",
        "unknown",
        "user",
        "when",
        "where",
        "group",
        "select",
        "default",
        "primary",
        "references",
        "check",
        "column",
        "constraint",
    ];
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(name))
}
