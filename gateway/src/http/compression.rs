//! gzip of answers, with a compressor per thread that is reset instead of built.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Shorter bodies go as they are: a packet is a packet.
pub const THRESHOLD: usize = 1024;

/// From here on the work goes to a thread that may block.
const COMPRESS_ELSEWHERE: usize = 256 * 1024;

/// Level 1 halves the time of level 4 for a tenth more bytes on JSON.
const LEVEL: u32 = 1;

/// The member's header (RFC 1952 2.3): deflate, no name, no time, so that equal bodies have equal bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

thread_local! {
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
}

/// The body as gzip; `None` where that failed, which is no reason not to answer.
pub async fn gzip(body: Bytes) -> Option<Bytes> {
    if body.len() < COMPRESS_ELSEWHERE {
        return gzip_now(&body);
    }
    tokio::task::spawn_blocking(move || gzip_now(&body)).await.ok().flatten()
}

fn gzip_now(body: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(HEADER.len() + body.len() / 3 + 64);
    out.extend_from_slice(&HEADER);
    COMPRESSOR.with_borrow_mut(|compressor| deflate(compressor, body, &mut out))?;
    let mut crc = Crc::new();
    crc.update(body);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    Some(out.into())
}

fn deflate(compressor: &mut Compress, body: &[u8], out: &mut Vec<u8>) -> Option<()> {
    compressor.reset();
    loop {
        let done = usize::try_from(compressor.total_in()).ok()?;
        match compressor.compress_vec(&body[done..], out, FlushCompress::Finish).ok()? {
            Status::StreamEnd => return Some(()),
            Status::Ok | Status::BufError => out.reserve(out.capacity().max(1024)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_compressed_inflates_to_the_same_bytes_each_time() {
        for length in [0, 1, 1000, 100_000] {
            let body: Vec<u8> = (0..length).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            for _ in 0..2 {
                let mut inflated = Vec::new();
                GzDecoder::new(&gzip_now(&body).unwrap()[..]).read_to_end(&mut inflated).unwrap();
                assert!(inflated == body, "{length}");
            }
        }
    }
}
