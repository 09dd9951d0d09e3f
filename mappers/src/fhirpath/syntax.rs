//! The grammar: <http://hl7.org/fhirpath/N1/grammar.html>. Precedence climbing; how deep a text may nest is bounded.

use rust_decimal::Decimal;

use super::SyntaxError;
use super::moment::Moment;
use super::quantity::Quantity;
use super::token::{Token, tokens};

/// How deep expressions may stand in each other.
const DEPTH: usize = 60;

/// Operators that one expression may chain, which is how deep its tree may grow to the left.
const CHAIN: usize = 200;

/// The longest text, in bytes.
const LENGTH: usize = 64 * 1024;

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// An operator between two.
    Binary(Operator, Box<(Self, Self)>),
    /// `is` and `as` with a type.
    Typed(bool, Box<Self>, TypeName),
    /// A value as written.
    Literal(Literal),
    /// A sign before it; true for minus.
    Sign(bool, Box<Self>),
    /// Steps, each from what the one before gave.
    Path(Vec<Step>),
}

/// A literal.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Boolean(bool),
    Date(Moment),
    DateTime(Moment),
    Decimal(Decimal),
    Empty,
    Integer(i64),
    Quantity(Quantity),
    Text(String),
    Time(Moment),
}

/// One step of a path.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A function.
    Call(String, Vec<Expr>),
    /// `[...]`
    Item(Expr),
    /// A member.
    Member(String),
    /// What stands in brackets, or a literal with steps behind it.
    Nested(Box<Expr>),
    /// `$this`, `$index`, `$total`.
    Special(&'static str),
    /// `%name`
    Variable(String),
}

/// A type: `FHIR.Patient`, `System.String`, `Patient`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TypeName {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Add,
    And,
    Concatenate,
    Contains,
    Div,
    Divide,
    Equal,
    Equivalent,
    Greater,
    GreaterOrEqual,
    Implies,
    In,
    Less,
    LessOrEqual,
    Mod,
    Multiply,
    NotEqual,
    NotEquivalent,
    Or,
    Subtract,
    Union,
    Xor,
}

const TYPE_LEVEL: u8 = 9;

impl Operator {
    /// The operator and how tightly it binds.
    fn parse(text: &str) -> Option<(Self, u8)> {
        Some(match text {
            "implies" => (Self::Implies, 1),
            "or" => (Self::Or, 2),
            "xor" => (Self::Xor, 2),
            "and" => (Self::And, 3),
            "in" => (Self::In, 4),
            "contains" => (Self::Contains, 4),
            "=" => (Self::Equal, 5),
            "~" => (Self::Equivalent, 5),
            "!=" => (Self::NotEqual, 5),
            "!~" => (Self::NotEquivalent, 5),
            "<" => (Self::Less, 6),
            "<=" => (Self::LessOrEqual, 6),
            ">" => (Self::Greater, 6),
            ">=" => (Self::GreaterOrEqual, 6),
            "|" => (Self::Union, 7),
            "+" => (Self::Add, 10),
            "-" => (Self::Subtract, 10),
            "&" => (Self::Concatenate, 10),
            "*" => (Self::Multiply, 11),
            "/" => (Self::Divide, 11),
            "div" => (Self::Div, 11),
            "mod" => (Self::Mod, 11),
            _ => return None,
        })
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    if text.len() > LENGTH {
        return Err(SyntaxError { offset: 0, message: "the expression is longer than 64 KiB" });
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.len(), depth: 0, chained: 0 };
    let expression = parser.expression(0)?;
    if parser.at < parser.tokens.len() {
        return Err(parser.fault("the expression should end here, or an operator should follow"));
    }
    Ok(expression)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
    depth: usize,
    chained: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn fault(&self, message: &'static str) -> SyntaxError {
        SyntaxError { offset: self.tokens.get(self.at).map_or(self.end, |(offset, _)| *offset), message }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let here = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, sign: &str, message: &'static str) -> Result<(), SyntaxError> {
        if self.takes(sign) { Ok(()) } else { Err(self.fault(message)) }
    }

    fn expression(&mut self, level: u8) -> Result<Expr, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.fault("expressions stand too deep in each other"));
        }
        let mut left = self.signed()?;
        loop {
            let word = match self.peek() {
                Some(Token::Sign(sign)) => (*sign).to_owned(),
                Some(Token::Name(name)) => name.clone(),
                _ => break,
            };
            if matches!(word.as_str(), "is" | "as") && TYPE_LEVEL > level {
                self.chain()?;
                left = Expr::Typed(word == "is", Box::new(left), self.type_name()?);
            } else if let Some((operator, tightness)) = Operator::parse(&word)
                && tightness > level
            {
                self.chain()?;
                let right = self.expression(tightness)?;
                left = Expr::Binary(operator, Box::new((left, right)));
            } else {
                break;
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn chain(&mut self) -> Result<(), SyntaxError> {
        self.chained += 1;
        if self.chained > CHAIN {
            return Err(self.fault("the expression has too many operators"));
        }
        self.at += 1;
        Ok(())
    }

    fn signed(&mut self) -> Result<Expr, SyntaxError> {
        let mut signs = Vec::new();
        while let Some(Token::Sign(sign @ ("+" | "-"))) = self.peek() {
            signs.push(*sign == "-");
            self.at += 1;
            if signs.len() > DEPTH {
                return Err(self.fault("there are too many signs"));
            }
        }
        let path = self.path()?;
        Ok(signs.into_iter().rev().fold(path, |value, minus| Expr::Sign(minus, Box::new(value))))
    }

    fn path(&mut self) -> Result<Expr, SyntaxError> {
        let first = self.term()?;
        let mut steps = match first {
            Expr::Path(steps) => steps,
            other if matches!(self.peek(), Some(Token::Sign("." | "["))) => vec![Step::Nested(Box::new(other))],
            other => return Ok(other),
        };
        loop {
            if self.takes(".") {
                steps.push(self.invocation()?);
            } else if self.takes("[") {
                steps.push(Step::Item(self.expression(0)?));
                self.expect("]", "a ] should stand here")?;
            } else {
                return Ok(Expr::Path(steps));
            }
        }
    }

    fn term(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.at;
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(Expr::Literal(Literal::Text(text)))
            }
            Some(Token::Number(number)) => {
                self.at += 1;
                self.number(&number).ok_or_else(|| {
                    self.at = start;
                    self.fault("the number is too long")
                })
            }
            Some(Token::Moment(text)) => {
                let literal = moment(&text).ok_or_else(|| self.fault("no date or time can be read here"))?;
                self.at += 1;
                Ok(Expr::Literal(literal))
            }
            Some(Token::Sign("(")) => {
                self.at += 1;
                let inner = self.expression(0)?;
                self.expect(")", "a ) should stand here")?;
                Ok(Expr::Path(vec![Step::Nested(Box::new(inner))]))
            }
            Some(Token::Sign("{")) => {
                self.at += 1;
                self.expect("}", "a } should stand here")?;
                Ok(Expr::Literal(Literal::Empty))
            }
            Some(Token::Sign("%")) => {
                self.at += 1;
                match self.peek().cloned() {
                    Some(Token::Name(name) | Token::Quoted(name) | Token::Text(name)) => {
                        self.at += 1;
                        Ok(Expr::Path(vec![Step::Variable(name)]))
                    }
                    _ => Err(self.fault("% takes the name of a variable")),
                }
            }
            Some(Token::Name(word)) if word == "true" || word == "false" => {
                self.at += 1;
                Ok(Expr::Literal(Literal::Boolean(word == "true")))
            }
            _ => Ok(Expr::Path(vec![self.invocation()?])),
        }
    }

    fn invocation(&mut self) -> Result<Step, SyntaxError> {
        let name = match self.peek().cloned() {
            Some(Token::Sign("$")) => {
                self.at += 1;
                let special = match self.peek() {
                    Some(Token::Name(name)) => ["this", "index", "total"].into_iter().find(|special| special == name),
                    _ => None,
                };
                let special = special.ok_or_else(|| self.fault("$ takes this, index or total"))?;
                self.at += 1;
                return Ok(Step::Special(special));
            }
            Some(Token::Quoted(name)) => {
                self.at += 1;
                return Ok(Step::Member(name));
            }
            Some(Token::Name(name)) => name,
            _ => return Err(self.fault("a name or a value should stand here")),
        };
        self.at += 1;
        if !self.takes("(") {
            return Ok(Step::Member(name));
        }
        let mut arguments = Vec::new();
        if !self.takes(")") {
            loop {
                arguments.push(self.expression(0)?);
                if self.takes(")") {
                    break;
                }
                self.expect(",", "a comma or ) should stand here")?;
            }
        }
        Ok(Step::Call(name, arguments))
    }

    /// A number, or a quantity where a unit follows.
    fn number(&mut self, text: &str) -> Option<Expr> {
        let unit = match self.peek() {
            Some(Token::Text(unit)) => Some((unit.clone(), false)),
            Some(Token::Name(word)) => Quantity::calendar(word).map(|unit| (unit.to_owned(), true)),
            _ => None,
        };
        if let Some((unit, calendar)) = unit {
            self.at += 1;
            let value = Decimal::from_str_exact(text).ok()?;
            return Some(Expr::Literal(Literal::Quantity(Quantity { value, unit, calendar })));
        }
        Some(Expr::Literal(if text.contains('.') {
            Literal::Decimal(Decimal::from_str_exact(text).ok()?)
        } else {
            Literal::Integer(text.parse().ok()?)
        }))
    }

    fn type_name(&mut self) -> Result<TypeName, SyntaxError> {
        let name = self.word()?;
        if self.takes(".") {
            return Ok(TypeName { namespace: Some(name), name: self.word()? });
        }
        Ok(TypeName { namespace: None, name })
    }

    fn word(&mut self) -> Result<String, SyntaxError> {
        match self.peek().cloned() {
            Some(Token::Name(name) | Token::Quoted(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.fault("the name of a type should stand here")),
        }
    }
}

impl TypeName {
    /// The type that an argument names.
    pub(super) fn of(argument: &Expr) -> Option<Self> {
        let Expr::Path(steps) = argument else { return None };
        match &steps[..] {
            [Step::Member(name)] => Some(Self { namespace: None, name: name.clone() }),
            [Step::Member(namespace), Step::Member(name)] => {
                Some(Self { namespace: Some(namespace.clone()), name: name.clone() })
            }
            _ => None,
        }
    }
}

fn moment(text: &str) -> Option<Literal> {
    if let Some(time) = text.strip_prefix('T') {
        return Moment::time(time).map(Literal::Time);
    }
    match text.strip_suffix('T') {
        Some(date) => Moment::date(date).map(Literal::DateTime),
        None if text.contains('T') => Moment::date_time(text).map(Literal::DateTime),
        None => Moment::date(text).map(Literal::Date),
    }
}
