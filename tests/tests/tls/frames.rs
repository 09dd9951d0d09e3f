//! HTTP/2 by hand: what no client that is kind would send. <https://www.rfc-editor.org/rfc/rfc9113#section-4.1>

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::line::PATIENCE;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GO_AWAY: u8 = 7;
/// The end of the headers, and of the stream.
pub(crate) const ENDS: u8 = 5;

pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// GET of `/healthz`, in HPACK: indexed fields, and literals that are not.
pub(crate) fn get_health() -> Vec<u8> {
    [&[0x82, 0x86, 0x04, 8][..], b"/healthz", &[0x01, 9], b"localhost"].concat()
}

/// A connection that has sent the preface and these bytes.
pub(crate) async fn begun(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[]), bytes].concat();
    stream.write_all(&hello).await.unwrap();
    stream
}

/// The frames that come, until one of a kind; nothing where the connection ends before.
pub(crate) async fn until(stream: &mut TcpStream, kind: u8) -> Option<Frame> {
    let read = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut payload).await.ok()?;
            // Acknowledgements of ours say nothing.
            if head[3] == kind && (kind != SETTINGS || head[4] == 0) {
                return Some(Frame { kind, payload });
            }
        }
    };
    timeout(PATIENCE, read).await.expect("a frame, or the end")
}

/// The settings that a frame tells, as numbers and values.
pub(crate) fn settings(frame: &Frame) -> Vec<(u16, u32)> {
    assert_eq!(frame.kind, SETTINGS);
    let read = |part: &[u8]| {
        (u16::from_be_bytes([part[0], part[1]]), u32::from_be_bytes([part[2], part[3], part[4], part[5]]))
    };
    frame.payload.chunks(6).map(read).collect()
}
