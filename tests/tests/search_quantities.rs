//! Quantities (<https://hl7.org/fhir/R4/search.html#quantity>): found in every unit of their kind, and in no other.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, lab_observation, suite, transaction};

/// Ids of the matches, sorted and in one line: `a b`.
async fn matches(api: &Client, query: &str) -> String {
    let found = api.search(&format!("/{query}")).await;
    let mut ids: Vec<&str> = found.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
    ids.sort_unstable();
    ids.join(" ")
}

/// A number of thousandths as a decimal with its last digits: `5.400`.
fn thousandths(number: u32) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

suite! {
    async fn quantities_are_found_in_every_unit_of_their_kind(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for (id, value, code) in [("q-mgdl", "126", "mg/dL"), ("q-gl", "1.26", "g/L"), ("q-mmol", "5", "mmol/L"), ("q-meq", "5", "meq/L"), ("q-umol", "5000", "umol/L"), ("q-none", "126", "nonsense")] {
            let mut result = lab_observation(id, "nobody", value);
            result.set("valueQuantity", "code", Json::text(code));
            result.set("valueQuantity", "unit", Json::text(code));
            api.save(&result).await.expect(201);
        }
        let ucum = "http://unitsofmeasure.org";
        for (value, wanted) in [
            (format!("126|{ucum}|mg/dL"), "q-gl q-mgdl"),
            (format!("1.26|{ucum}|g/L"), "q-gl q-mgdl"),
            (format!("1260|{ucum}|mg/L"), "q-gl q-mgdl"),
            (format!("gt125|{ucum}|mg/dL"), "q-gl q-mgdl"),
            (format!("lt1.26|{ucum}|g/L"), ""),
            (format!("le1.26|{ucum}|g/L"), "q-gl q-mgdl"),
            (format!("ge126|{ucum}|mg/dL"), "q-gl q-mgdl"),
            (format!("5|{ucum}|mmol/L"), "q-mmol q-umol"),
            (format!("5|{ucum}|meq/L"), "q-meq"),
            (format!("5000|{ucum}|umol/L"), "q-mmol q-umol"),
            ("126||mg/dL".to_owned(), "q-mgdl"),
            ("126".to_owned(), "q-mgdl q-none"),
            (format!("126|{ucum}|nonsense"), "q-none"),
            ("5".to_owned(), "q-meq q-mmol"),
        ] {
            assert_eq!(matches(&api, &format!("Observation?value-quantity={value}")).await, wanted, "{value}");
        }
    }

    async fn a_quantity_is_itself_in_every_unit_whatever_the_digits(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let numbers: Vec<u32> = (1..60).map(|number| number * 7 % 97 + 1).collect();
        // Of 7.3 in the second unit is what in the first one.
        type Written = fn(u32) -> String;
        type Unit = (&'static str, &'static str, Written, &'static [(&'static str, Written)]);
        let units: [Unit; 3] = [
            ("m", "mg/dL", |number| thousandths(number * 100), &[("g/L", |number| thousandths(number)), ("ug/L", |number| format!("{number}000"))]),
            ("l", "[in_i]", |number| thousandths(number * 100), &[("cm", |number| thousandths(number * 254)), ("mm", |number| thousandths(number * 2540))]),
            ("t", "[degF]", |number| thousandths(number * 180 + 32_000), &[("Cel", |number| thousandths(number * 100)), ("K", |number| thousandths(number * 100 + 273_150))]),
        ];
        for (name, stored, written, _) in &units {
            let result = |number: &u32| {
                let mut result = lab_observation(&format!("{name}-{number:03}"), "nobody", &written(*number));
                result.set("valueQuantity", "code", Json::text(*stored));
                result.set("valueQuantity", "unit", Json::text(*stored));
                result
            };
            api.post("/", transaction(&numbers.iter().map(result).collect::<Vec<_>>())).await.expect(200);
        }
        let ids = |name: &str, fits: &dyn Fn(u32) -> bool| {
            let mut ids: Vec<String> = numbers.iter().filter(|number| fits(**number)).map(|number| format!("{name}-{number:03}")).collect();
            ids.sort();
            ids.join(" ")
        };
        for (name, stored, written, others) in units {
            for asked in numbers.iter().copied().step_by(5) {
                for (unit, written) in [(stored, written)].iter().chain(others) {
                    let value = written(asked);
                    for (prefix, wanted) in [("", ids(name, &|number| number == asked)), ("ge", ids(name, &|number| number >= asked)), ("le", ids(name, &|number| number <= asked)),
                        ("gt", ids(name, &|number| number > asked)), ("lt", ids(name, &|number| number < asked)), ("sa", ids(name, &|number| number > asked)), ("eb", ids(name, &|number| number < asked))] {
                        let query = format!("Observation?value-quantity={prefix}{value}|http://unitsofmeasure.org|{}&_count=1000", unit.replace('[', "%5B").replace(']', "%5D"));
                        assert_eq!(matches(&api, &query).await, wanted, "{query}");
                    }
                }
            }
        }
    }
}
