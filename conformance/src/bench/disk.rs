//! What the disk alone does: every durable answer waits for it, and on a shared machine it changes from minute to minute.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// What is written at a time: a page.
const PAGE: [u8; 4096] = [7; 4096];

/// Pages of the file, which is written over again and again as a log is.
const PAGES: usize = 1024;

/// How long is measured.
const TIME: Duration = Duration::from_millis(500);

/// Microseconds that a write of 4 kB takes until it is durable, one after the other.
///
/// # Errors
/// The folder cannot be written to.
pub async fn sync_us(folder: &Path) -> Result<f64, String> {
    let folder = folder.to_owned();
    let measured = tokio::task::spawn_blocking(move || measure(&folder)).await.map_err(|error| error.to_string())?;
    measured.map_err(|error| format!("the disk: {error}"))
}

fn measure(folder: &Path) -> io::Result<f64> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    for _ in 0..PAGES {
        file.write_all(&PAGE)?;
    }
    file.sync_all()?;
    let begun = Instant::now();
    let mut synced = 0_u32;
    while begun.elapsed() < TIME {
        if (synced as usize).is_multiple_of(PAGES) {
            file.seek(SeekFrom::Start(0))?;
        }
        file.write_all(&PAGE)?;
        file.sync_data()?;
        synced += 1;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(synced))
}
