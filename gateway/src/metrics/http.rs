//! The series of HTTP exchanges.
//!
//! All that can be told is there from the start: a cell for each route, method and class of status. What was never asked for is
//! not shown, so that a scrape stays short.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use hyper::{Method, StatusCode};
use mappers::search::parameters::resource_types;

use super::instrument::{Count, Histogram, Level};
use super::out::Out;
use crate::router::{self, Destination, Verb};

/// Methods as they are told. Clients may send any word: the others are one.
const METHODS: [&str; 8] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "other"];
/// Classes of status as they are told. Who goes away before the answer gets none.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"];
/// What a request is told as whose path and method lead nowhere.
const NONE: &str = "none";

/// What is counted of exchanges.
#[derive(Debug)]
pub struct Http {
    /// Route pattern and number of the interaction; the last one is of what leads nowhere.
    rows: Vec<(&'static str, usize)>,
    /// Where a route is among them.
    of_route: HashMap<(Verb, &'static str), usize>,
    /// Interactions, by their names.
    interactions: Vec<&'static str>,
    /// By row, method and class.
    requests: Box<[Count]>,
    /// By interaction.
    durations: Vec<Histogram>,
    /// By interaction and resource type.
    resources: Box<[Count]>,
    /// Exchanges under way.
    pub under_way: Level,
    /// Bytes of bodies as they came.
    pub request_bytes: Count,
    response_bytes: Count,
    unauthenticated: Count,
    forbidden: Count,
    throttled: Count,
}

/// As what a request is counted.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    row: usize,
    method: usize,
    kind: Option<usize>,
    /// The route's pattern, for the log.
    pub route: &'static str,
}

impl Seen {
    /// Its method, or `other`.
    #[must_use]
    pub fn method(self) -> &'static str {
        METHODS[self.method]
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new() -> Self {
        let (mut rows, mut of_route, mut interactions) = (Vec::new(), HashMap::new(), Vec::new());
        for (verb, pattern, interaction) in router::table() {
            let name = interaction.name();
            let number = interactions.iter().position(|known| *known == name).unwrap_or_else(|| {
                interactions.push(name);
                interactions.len() - 1
            });
            of_route.insert((verb, pattern), rows.len());
            rows.push((pattern, number));
        }
        rows.push((NONE, interactions.len()));
        interactions.push(NONE);
        Self {
            requests: counts(rows.len() * METHODS.len() * CLASSES.len()),
            durations: interactions.iter().map(|_| Histogram::of_times()).collect(),
            resources: counts(interactions.len() * resource_types().len()),
            rows,
            of_route,
            interactions,
            under_way: Level::default(),
            request_bytes: Count::default(),
            response_bytes: Count::default(),
            unauthenticated: Count::default(),
            forbidden: Count::default(),
            throttled: Count::default(),
        }
    }

    /// As what a request will be counted.
    pub fn seen(&self, method: &Method, path: &str) -> Seen {
        let name = method.as_str();
        let number = METHODS.iter().position(|known| *known == name).unwrap_or(METHODS.len() - 1);
        let nowhere = Seen { row: self.rows.len() - 1, method: number, kind: None, route: NONE };
        let Some(verb) = Verb::parse(name) else { return nowhere };
        let Destination::Found(place) = router::find(Some(verb), path) else { return nowhere };
        let Some(row) = self.of_route.get(&(verb, place.pattern)) else { return nowhere };
        let kind = place.kind.and_then(|kind| resource_types().binary_search(&kind).ok());
        Seen { row: *row, kind, route: place.pattern, ..nowhere }
    }

    /// It was answered so, with a body of so many bytes.
    pub fn answered(&self, seen: Seen, status: StatusCode, bytes: u64, took: Duration) {
        self.ended(seen, usize::from(status.as_u16() / 100).clamp(1, 5) - 1);
        let interaction = self.rows[seen.row].1;
        self.durations[interaction].time(took);
        if let Some(kind) = seen.kind {
            self.resources[interaction * resource_types().len() + kind].one();
        }
        self.response_bytes.add(bytes);
        match status {
            StatusCode::UNAUTHORIZED => self.unauthenticated.one(),
            StatusCode::FORBIDDEN => self.forbidden.one(),
            StatusCode::TOO_MANY_REQUESTS => self.throttled.one(),
            _ => {}
        }
    }

    /// Its client went away before it was answered.
    pub fn aborted(&self, seen: Seen) {
        self.ended(seen, CLASSES.len() - 1);
    }

    fn ended(&self, seen: Seen, class: usize) {
        self.requests[(seen.row * METHODS.len() + seen.method) * CLASSES.len() + class].one();
    }

    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let requests = self.requests.iter().enumerate().map(|(at, count)| {
            let (row, rest) = (at / (METHODS.len() * CLASSES.len()), at % (METHODS.len() * CLASSES.len()));
            let (route, interaction) = self.rows[row];
            let labels = [
                ("method", METHODS[rest / CLASSES.len()]),
                ("route", route),
                ("interaction", self.interactions[interaction]),
                ("status", CLASSES[rest % CLASSES.len()]),
            ];
            (labels, count.get())
        });
        out.counters(
            ("fhir_gateway_http_requests", "HTTP requests by method, route, interaction and class of status."),
            requests.filter(|(_, count)| *count > 0),
        )?;
        let durations = self.interactions.iter().zip(&self.durations).filter(|(_, duration)| !duration.is_empty());
        out.histograms(
            (
                "fhir_gateway_http_request_duration_seconds",
                "Time from the head of a request to its answer, its audit record included, by interaction.",
            ),
            durations.map(|(name, duration)| ([("interaction", *name)], duration.told())),
        )?;
        let types = resource_types();
        let resources = self.resources.iter().enumerate().filter(|(_, count)| count.get() > 0).map(|(at, count)| {
            ([("interaction", self.interactions[at / types.len()]), ("type", types[at % types.len()])], count.get())
        });
        out.counters(
            (
                "fhir_gateway_resource_requests",
                "HTTP requests whose address names a resource type, by interaction and type.",
            ),
            resources,
        )?;
        #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
        let under_way = self.under_way.get() as f64;
        out.gauge("fhir_gateway_http_requests_under_way", "HTTP requests that are not answered yet.", under_way)?;
        let help = "Bytes of request bodies as they came, compressed or not.";
        out.counter("fhir_gateway_http_request_body_bytes", help, self.request_bytes.get())?;
        let help = "Bytes of response bodies as they went, compressed or not.";
        out.counter("fhir_gateway_http_response_body_bytes", help, self.response_bytes.get())?;
        let refusals = [
            ("unauthenticated", &self.unauthenticated),
            ("forbidden", &self.forbidden),
            ("throttled", &self.throttled),
        ];
        out.counters(
            (
                "fhir_gateway_refusals",
                "Requests refused for want of a valid token (401), of permission (403), or for their number (429).",
            ),
            refusals.into_iter().map(|(reason, count)| ([("reason", reason)], count.get())),
        )
    }
}

fn counts(number: usize) -> Box<[Count]> {
    std::iter::repeat_with(Count::default).take(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_client_sends_is_counted_under_names_of_ours() {
        let http = Http::new();
        let method = |name: &[u8]| Method::from_bytes(name).unwrap();
        for (name, path, route, told) in [
            (&b"GET"[..], "/fhir/Patient/1", "/fhir/{type}/{id}", "GET"),
            (b"HEAD", "/fhir/Patient/1", "/fhir/{type}/{id}", "HEAD"),
            (b"GET", "/fhir/Patient/1/Observation", "/fhir/{compartment}/{id}/{type}", "GET"),
            (b"GET", "/fhir/Smith/1", NONE, "GET"),
            (b"GET", "/Smith", NONE, "GET"),
            (b"POST", "/fhir/metadata", NONE, "POST"),
            (b"OPTIONS", "/fhir/Patient/1", NONE, "OPTIONS"),
            (b"SMITH", "/fhir/Patient/1", NONE, "other"),
            (b"get", "/fhir/Patient/1", NONE, "other"),
        ] {
            let seen = http.seen(&method(name), path);
            assert_eq!((seen.route, seen.method()), (route, told), "{path}");
        }
    }

    #[test]
    fn every_route_has_cells_of_its_own() {
        let http = Http::new();
        let routes: Vec<(Verb, &str)> = router::table().map(|(verb, pattern, _)| (verb, pattern)).collect();
        assert_eq!(http.of_route.len(), routes.len());
        for (verb, path) in router::examples() {
            let name = format!("{verb:?}").to_uppercase();
            let seen = http.seen(&Method::from_bytes(name.as_bytes()).unwrap(), &path);
            assert_ne!(seen.route, NONE, "{path}");
            http.answered(seen, StatusCode::OK, 1, Duration::ZERO);
        }
        assert_eq!(http.requests.iter().filter(|count| count.get() > 0).count(), routes.len());
        assert_eq!(http.response_bytes.get(), routes.len() as u64);
    }
}
