//! The progress bar: bytes read of bytes there are, and resources a second. On stderr, and only for a terminal.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar, or nothing where nobody looks.
pub(super) struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
}

impl Progress {
    /// A bar over `total` bytes; `read` is what the reader counts.
    pub(super) fn new(total: u64, quiet: bool, read: Arc<AtomicU64>) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), read };
        }
        let bar = ProgressBar::new(total);
        let template = "{bar:32} {bytes}/{total_bytes}  {msg}  {elapsed}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, read }
    }

    /// Shows how far it is.
    pub(super) fn show(&self, imported: u64, refused: u64) {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        let refused = if refused > 0 { format!(", {refused} refused") } else { String::new() };
        self.bar.set_message(format!("{imported} resources ({:.0}/s){refused}", imported as f64 / seconds));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
