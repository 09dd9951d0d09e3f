//! The `fhir-gateway` binary: see [`gateway::cli`].

use std::process::ExitCode;

/// Many small allocations on several threads, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gateway::cli::main()
}
