//! Somebody at a browser without script: opens pages, fills in forms as they stand in them, and presses their buttons.

use hyper::Method;

use crate::browser::Browser;
use crate::client::Response;

/// The most redirections that are followed.
const HOPS: usize = 10;

/// Somebody at a browser.
#[derive(Clone, Debug)]
pub struct Window {
    browser: Browser,
    origin: String,
}

/// What it shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The status.
    pub status: u16,
    /// The address.
    pub address: String,
    /// The page; empty where it is another server's, which is not asked.
    pub html: String,
    /// Headers of the page.
    pub response: Option<Response>,
}

impl Window {
    /// One that nobody has used.
    pub fn new(address: &str) -> Self {
        Self { browser: Browser::new(address), origin: format!("http://{address}") }
    }

    /// Opens an address: whole, or a path from the origin on.
    pub async fn open(&mut self, address: &str) -> Shown {
        self.go(Method::GET, address.to_owned(), Vec::new()).await
    }

    /// Presses a button of the page's form that has it (by the value or, where it has none, the text of the button), after some fields were
    /// filled in. A field that is filled in with nothing is switched off, or sent empty where it is no checkbox.
    ///
    /// # Panics
    /// When there is no such button or field.
    pub async fn press(&mut self, page: &Shown, button: &str, fields: &[(&str, &str)]) -> Shown {
        let form = page.form(button);
        let mut sent = form.fields.clone();
        for (name, value) in fields {
            let (name, of) = name.split_once('=').map_or((*name, None), |(name, of)| (name, Some(of)));
            let known = |field: &Field| field.name == name && of.is_none_or(|of| field.value == of);
            assert!(sent.iter().any(known), "no field {name} {of:?} in {}", page.text());
            for field in sent.iter_mut().filter(|field| known(field)) {
                if field.is_switch {
                    field.is_on = !value.is_empty();
                } else {
                    field.is_on = true;
                    (*value).clone_into(&mut field.value);
                }
            }
        }
        let fields = sent.into_iter().filter(|field| field.is_on).map(|field| (field.name, field.value)).collect();
        let address = if form.action.is_empty() { page.address.clone() } else { form.action };
        self.go(Method::POST, address, fields).await
    }

    /// Sends a form that is on no page of ours.
    pub async fn send(&mut self, address: &str, fields: &[(&str, &str)]) -> Shown {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.go(Method::POST, address.to_owned(), fields).await
    }

    async fn go(&mut self, mut method: Method, mut address: String, fields: Vec<(String, String)>) -> Shown {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        for _ in 0..HOPS {
            let path = address.strip_prefix(&self.origin).unwrap_or(&address).to_owned();
            if !path.starts_with('/') {
                return Shown { status: 0, address, html: String::new(), response: None };
            }
            address = format!("{}{path}", self.origin);
            let answer = match method {
                Method::POST => self.browser.post(&path, &fields).await,
                _ => self.browser.get(&path).await,
            };
            let html = answer.text();
            let goes_on = html
                .split_once("http-equiv=\"refresh\" content=\"0; url=")
                .and_then(|(_, rest)| rest.split('"').next());
            let next = match answer.header("Location") {
                Some(next) if matches!(answer.status, 301..=303) => Some(next.to_owned()),
                _ => goes_on.map(plain),
            };
            if let Some(next) = next {
                (method, address) = (Method::GET, next);
                continue;
            }
            return Shown { status: answer.status, address, html, response: Some(answer) };
        }
        panic!("it is sent round and round: {address}");
    }
}

/// A field of a form.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    value: String,
    is_switch: bool,
    /// It is sent.
    is_on: bool,
}

struct Form {
    action: String,
    fields: Vec<Field>,
}

impl Shown {
    /// A parameter of the address.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.address.split_once('?')?.1;
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name)?;
        Some(unescaped(found.1))
    }

    /// The values of all checkboxes of a name, and whether they are on.
    pub fn switches(&self, name: &str) -> Vec<(String, bool)> {
        let inputs = tags(&self.html, "input").filter(|tag| attribute(tag, "type").as_deref() == Some("checkbox"));
        let named = inputs.filter(|tag| attribute(tag, "name").as_deref() == Some(name));
        named.map(|tag| (attribute(tag, "value").unwrap_or_default(), has(tag, "checked"))).collect()
    }

    /// What is written on the page, without tags.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let body = self.html.split_once("<body").map_or(&*self.html, |(_, body)| body);
        for part in body.split('<') {
            text.push_str(part.split_once('>').map_or("", |(_, text)| text));
            text.push(' ');
        }
        plain(&text)
    }

    fn form(&self, button: &str) -> Form {
        for part in self.html.split("<form").skip(1) {
            let html = part.split("</form>").next().unwrap_or_default();
            let action = attribute(html.split('>').next().unwrap_or_default(), "action").unwrap_or_default();
            let pressed = html.split("<button").skip(1).find_map(|part| {
                let (tag, rest) = part.split_once('>')?;
                let text = plain(rest.split("</button>").next()?);
                let value = attribute(tag, "value");
                let fits = value.as_deref() == Some(button) || text.trim() == button;
                fits.then(|| attribute(tag, "name").map(|name| (name, value.unwrap_or_default())))
            });
            let Some(pressed) = pressed else { continue };
            let mut fields: Vec<Field> = tags(html, "input")
                .filter_map(|tag| {
                    let kind = attribute(tag, "type").unwrap_or_default();
                    let is_switch = matches!(&*kind, "checkbox" | "radio");
                    let value = attribute(tag, "value").unwrap_or_default();
                    Some(Field {
                        name: attribute(tag, "name")?,
                        value,
                        is_switch,
                        is_on: !is_switch || has(tag, "checked"),
                    })
                })
                .collect();
            for part in html.split("<select").skip(1) {
                let (tag, rest) = part.split_once('>').unwrap_or_default();
                let options: Vec<&str> = tags(rest.split("</select>").next().unwrap_or_default(), "option").collect();
                let chosen = options.iter().find(|tag| has(tag, "selected")).or_else(|| options.first());
                let value = chosen.and_then(|tag| attribute(tag, "value")).unwrap_or_default();
                fields.extend(attribute(tag, "name").map(|name| Field { name, value, is_switch: false, is_on: true }));
            }
            fields.extend(pressed.map(|(name, value)| Field { name, value, is_switch: false, is_on: true }));
            return Form { action, fields };
        }
        panic!("no button {button} on {}: {}", self.address, self.text());
    }
}

fn tags<'h>(html: &'h str, name: &'h str) -> impl Iterator<Item = &'h str> {
    html.split('<').filter_map(move |part| {
        let rest = part.strip_prefix(name)?;
        rest.starts_with([' ', '>']).then(|| rest.split('>').next().unwrap_or_default())
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?;
    Some(plain(value.split('"').next()?))
}

fn has(tag: &str, name: &str) -> bool {
    tag.split(' ').any(|word| word == name)
}

/// Text as it was before it was escaped.
fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// A value as forms have it.
pub fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, more @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("an escape"));
                rest = more;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("text")
}
