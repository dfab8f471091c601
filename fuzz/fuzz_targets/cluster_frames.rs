//! What another node says, whoever it is: replies cut anywhere, frames, hellos, definitions. All of it is refused, or comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::cluster::frame::Frame;
use nearset::cluster::login::Hello;
use nearset::cluster::resp::{self, Reply};

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Some((reply, taken))) = resp::reply(rest) {
        if let Reply::Bulk(body) = reply {
            let _ = Frame::decode(body);
        }
        assert!(taken > 0);
        rest = &rest[taken..];
    }
    if let Ok(frame) = Frame::decode(data) {
        assert_eq!(frame.encode(), data);
        let _ = Hello::decode(&frame.body);
    }
    if let Ok(hello) = Hello::decode(data) {
        // Digits of a name keep their case, so all of it comes back.
        assert_eq!(hello.encode(), data);
    }
});
