//! A browser as far as pages without scripts need one: cookies, forms, redirections, and pages that go on by themselves.

use std::collections::BTreeMap;

use hyper::Method;

use crate::{Client, Response};

/// A browser of somebody's.
#[derive(Clone, Debug)]
pub struct Browser {
    client: Client,
    origin: String,
    /// Its cookies of this origin.
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Of `127.0.0.1:PORT`.
    pub fn new(address: &str) -> Self {
        Self { client: Client::new(address, None), origin: format!("http://{address}"), cookies: BTreeMap::new() }
    }

    /// GET of a path, without going on.
    pub async fn get(&mut self, path: &str) -> Response {
        self.send(Method::GET, path, None, &[]).await
    }

    /// POST of a form to a path, without going on.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_with(path, fields, &[("Sec-Fetch-Site", "same-origin")]).await
    }

    /// POST of a form with these headers.
    pub async fn post_with(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
        self.send(Method::POST, path, Some(encoded(fields)), headers).await
    }

    /// GET of a path, and of where that leads.
    pub async fn open(&mut self, path: &str) -> Response {
        let response = self.get(path).await;
        self.go_on(response).await
    }

    /// Fills in the fields of a page's form that goes to a path, with all that is hidden in it, and goes where that leads.
    ///
    /// # Panics
    /// When the page has no such form.
    pub async fn submit(&mut self, page: &Response, action: &str, fields: &[(&str, &str)]) -> Response {
        let response = self.submit_once(page, action, fields).await;
        self.go_on(response).await
    }

    /// The same without going on.
    ///
    /// # Panics
    /// When the page has no such form.
    pub async fn submit_once(&mut self, page: &Response, action: &str, fields: &[(&str, &str)]) -> Response {
        let hidden = hidden(&page.text(), action);
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        all.extend(fields);
        self.post(action, &all).await
    }

    /// Where an answer leads: redirections and pages that go on by themselves, within this origin.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn go_on(&mut self, mut response: Response) -> Response {
        for _ in 0..10 {
            let next = match response.header("Location") {
                Some(location) if (300..400).contains(&response.status) => location.to_owned(),
                _ => match response.text().split_once("http-equiv=\"refresh\" content=\"0; url=") {
                    Some((_, rest)) => unescaped(rest.split('"').next().unwrap_or_default()),
                    None => return response,
                },
            };
            let next = next.strip_prefix(&self.origin).unwrap_or(&next).to_owned();
            if !next.starts_with('/') {
                return response;
            }
            response = self.get(&next).await;
        }
        panic!("it leads nowhere");
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<String>, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.request(method, &format!("{}{path}", self.origin));
        if !self.cookies.is_empty() {
            let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", &line.join("; "));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(form) = form {
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        }
        let response = request.await;
        for line in response.headers.get_all("Set-Cookie") {
            let line = line.to_str().expect("an ASCII header");
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if line.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }
}

/// The hidden fields of the form that goes to a path.
///
/// # Panics
/// When there is no such form.
pub fn hidden(page: &str, action: &str) -> Vec<(String, String)> {
    let form = page.split("<form").skip(1).find(|form| form.contains(&format!("action=\"{action}\"")));
    let form = form.unwrap_or_else(|| panic!("no form to {action} in {page}"));
    let form = form.split("</form>").next().unwrap_or_default();
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(unescaped(rest.split('"').next()?))
    };
    form.split("<input")
        .skip(1)
        .filter(|tag| tag.contains("type=\"hidden\""))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// A form as it is sent.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}
