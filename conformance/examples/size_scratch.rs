//! scratch
use std::future::Future;
fn two<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize { size_of::<F>() }
fn main() {
    println!("Service::answer {}", two(gateway::http::exchange::Service::answer));
    fn four<'a, A: 'a, B: 'a, C: 'a, D: 'a, F: Future>(_: impl Fn(&'a A, &'a B, C, &'a D) -> F) -> usize { size_of::<F>() }
    println!("audited::perform {}", four(gateway::interaction::audited::perform));
    println!("interaction::perform {}", four(gateway::interaction::perform));
    println!("bundle::perform {}", four(gateway::interaction::bundle::perform));
    println!("server::serve? Response {}", size_of::<hyper::Response<gateway::http::response::Body>>());
    println!("Failure {} Request {} Answer {}", size_of::<gateway::outcome::Failure>(), size_of::<gateway::interaction::Request>(), size_of::<gateway::interaction::Answer>());
    fn rec<'a, F: Future>(_: impl Fn(&'a gateway::audit::Audit, Vec<gateway::audit::Event>) -> F) -> usize { size_of::<F>() }
    println!("audit.record_all {}", rec(gateway::audit::Audit::record_all));
}
