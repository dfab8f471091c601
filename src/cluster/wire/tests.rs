use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as Stream};
use std::sync::mpsc::{Receiver, channel};

use super::*;

/// What a peer of a test does with a request: the kind, and the body of its frame.
type Answer = fn(Kind, &[u8], &mut Stream) -> bool;

fn frame(kind: Kind, body: &[u8]) -> Frame {
    Frame { kind, patience: 0, standing: Standing::default(), body: body.to_vec() }
}

fn bulk(stream: &mut Stream, frame: &Frame) -> bool {
    let bytes = frame.encode();
    let reply = [format!("${}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
    stream.write_all(&reply).is_ok()
}

/// Answers hellos, and asks with their own bodies.
fn echo(kind: Kind, body: &[u8], stream: &mut Stream) -> bool {
    bulk(stream, &frame(kind, if kind == Kind::Hello { b"" } else { body }))
}

/// The argument of the next request, as a server reads it.
fn request(reader: &mut BufReader<Stream>) -> Option<Frame> {
    let mut line = String::new();
    let mut words = Vec::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    assert_eq!(line, "*3\r\n");
    for _ in 0..3 {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let mut word = vec![0; line[1..].trim_end().parse::<usize>().expect("a length") + 2];
        reader.read_exact(&mut word).ok()?;
        word.truncate(word.len() - 2);
        words.push(word);
    }
    let frame = Frame::decode(&words[2]).expect("a frame");
    assert_eq!(frame.kind.words().map(str::as_bytes), [&words[0][..], &words[1]]);
    Some(frame)
}

/// A node of a test. Every one has a name of its own, since the wire is one for all tests.
fn peer(answer: Answer) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().expect("a stream");
                let mut reader = BufReader::new(stream);
                while let Some(frame) = request(&mut reader) {
                    if !answer(frame.kind, &frame.body, &mut writer) {
                        return;
                    }
                }
            });
        }
    });
    named(address)
}

fn named(address: SocketAddr) -> Peer {
    let id = NodeId::new(format!("{:040x}", address.port()).as_bytes()).expect("a name");
    introduce(NodeId::new(&[b'e'; 40]).expect("a name"), Secret { user: b"u".to_vec(), password: b"p".to_vec() });
    Peer { id, address }
}

fn asked(peer: Peer, body: &[u8], milliseconds: u64) -> Receiver<Result<Frame, Failure>> {
    let (tell, told) = channel();
    let deadline = Instant::now() + Duration::from_millis(milliseconds);
    ask(peer, frame(Kind::Ask, body), deadline, move |outcome| tell.send(outcome).expect("somebody waits"));
    told
}

fn outcome(told: &Receiver<Result<Frame, Failure>>) -> Result<Vec<u8>, Failure> {
    let outcome = told.recv_timeout(Duration::from_secs(60)).expect("an outcome");
    assert!(told.recv_timeout(Duration::ZERO).is_err(), "there is one outcome");
    outcome.map(|frame| frame.body)
}

#[test]
fn many_frames_come_back_each_with_its_reply() {
    let peer = peer(echo);
    let told: Vec<_> = (0..200u32).map(|nth| asked(peer, &nth.to_le_bytes(), 60_000)).collect();
    for (nth, told) in told.iter().enumerate() {
        assert_eq!(outcome(told), Ok((nth as u32).to_le_bytes().to_vec()));
    }
    let large = vec![7; 3 << 20];
    assert_eq!(outcome(&asked(peer, &large, 60_000)), Ok(large));
    let (_, figures) = figures::of_peers().into_iter().find(|(id, _)| *id == peer.id).expect("it was asked");
    assert!(figures.connections >= 1 && figures.connections <= MOST as u64, "{}", figures.connections);
    assert_eq!((figures.replies, figures.failures), (201, 0));
}

#[test]
fn a_peer_that_never_answers_makes_frames_late_and_then_busy() {
    let peer = peer(|kind, _, stream| kind != Kind::Hello || bulk(stream, &frame(kind, b"")));
    let begin = Instant::now();
    assert_eq!(outcome(&asked(peer, b"x", 300)), Err(Failure::Late));
    assert!(begin.elapsed() >= Duration::from_millis(300));
    let quiet = self::peer(|kind, _, stream| if kind == Kind::Hello { bulk(stream, &frame(kind, b"")) } else { true });
    let told: Vec<_> = (0..FRAMES + 3).map(|_| asked(quiet, b"x", 1000)).collect();
    let outcomes: Vec<_> = told.iter().map(outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(Failure::Busy)).count(), 3);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(Failure::Late)).count(), FRAMES);
}

#[test]
fn garbage_half_a_reply_and_refusals_are_told_apart() {
    let garbage = peer(|kind, body, stream| match kind {
        Kind::Hello => echo(kind, body, stream),
        _ => stream.write_all(b"+OK\r\n").is_ok(),
    });
    assert_eq!(outcome(&asked(garbage, b"x", 60_000)), Err(Failure::Garbled));
    assert_eq!(outcome(&asked(garbage, b"x", 60_000)), Err(Failure::Garbled));
    let other = peer(|kind, body, stream| match kind {
        Kind::Hello => echo(kind, body, stream),
        _ => stream.write_all(b"$3\r\nnF\x02\r\n").is_ok(),
    });
    assert_eq!(outcome(&asked(other, b"x", 60_000)), Err(Failure::Garbled));
    let half = peer(|kind, body, stream| match kind {
        Kind::Hello => echo(kind, body, stream),
        _ => {
            let _ = stream.write_all(b"$100\r\nnF");
            let _ = stream.shutdown(std::net::Shutdown::Both);
            false
        }
    });
    assert_eq!(outcome(&asked(half, b"x", 60_000)), Err(Failure::Lost));
    let refuses = peer(|kind, body, stream| match kind {
        Kind::Hello => echo(kind, body, stream),
        _ => stream.write_all(b"-BUSY not now\r\n").is_ok(),
    });
    assert_eq!(outcome(&asked(refuses, b"x", 60_000)), Err(Failure::Refused(b"BUSY not now".to_vec())));
}

#[test]
fn who_speaks_unasked_is_left() {
    let floods = peer(|kind, body, stream| {
        echo(kind, body, stream) && (kind == Kind::Hello || stream.write_all(&[b'$'; 1000]).is_ok())
    });
    assert_eq!(outcome(&asked(floods, b"x", 60_000)), Ok(b"x".to_vec()));
    // The flood may come when the second was asked on the same connection, or before.
    let second = outcome(&asked(floods, b"y", 60_000));
    assert!(second == Ok(b"y".to_vec()) || second == Err(Failure::Garbled), "{second:?}");
}

#[test]
fn nobody_there_is_told_at_once_and_tried_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = named(listener.local_addr().expect("an address"));
    drop(listener);
    assert_eq!(outcome(&asked(gone, b"x", 60_000)), Err(Failure::Unreachable));
    assert_eq!(outcome(&asked(gone, b"x", 1)), Err(Failure::Unreachable));
    // What can wait until the next attempt waits, and fails with that.
    assert_eq!(outcome(&asked(gone, b"x", 60_000)), Err(Failure::Unreachable));
}

#[test]
fn a_secret_is_told_only_when_the_bus_stays_silent() {
    let peer = peer(|kind, body, stream| {
        if kind != Kind::Hello {
            return echo(kind, body, stream);
        }
        let hello = Hello::decode(body).expect("a hello");
        if hello.secret.opens(&Secret { user: b"u".to_vec(), password: b"p".to_vec() }) {
            return echo(kind, body, stream);
        }
        stream.write_all(format!("-{}\r\n", login::SILENT).as_bytes()).is_ok()
    });
    for _ in 0..SILENCES {
        assert_eq!(outcome(&asked(peer, b"x", 60_000)), Err(Failure::Shut(login::SILENT.into())));
    }
    assert_eq!(outcome(&asked(peer, b"x", 60_000)), Ok(b"x".to_vec()));
}

#[test]
fn what_nobody_waits_for_is_cancelled_and_its_reply_dropped() {
    let peer = peer(echo);
    let (tell, told) = channel();
    let deadline = Instant::now() + Duration::from_secs(60);
    ask(peer, frame(Kind::Ask, b"x"), deadline, move |outcome| tell.send(outcome).expect("somebody waits")).cancel();
    // The reply may have come before.
    assert!(matches!(outcome(&told), Err(Failure::Cancelled) | Ok(_)));
    assert_eq!(outcome(&asked(peer, b"y", 60_000)), Ok(b"y".to_vec()));
}

#[test]
fn a_panic_in_what_follows_stays_there() {
    let peer = peer(echo);
    let deadline = Instant::now() + Duration::from_secs(60);
    ask(peer, frame(Kind::Ask, b"x"), deadline, |_| panic!("on purpose"));
    assert_eq!(outcome(&asked(peer, b"y", 60_000)), Ok(b"y".to_vec()));
}

#[test]
fn pauses_grow_up_to_the_longest() {
    let [first, longest] = PAUSES;
    for failures in 1..50 {
        let pause = pause_after(failures);
        let expected = first.saturating_mul(1 << (failures - 1).min(10)).min(longest);
        assert!(pause >= expected / 2 && pause <= expected, "{failures}: {pause:?}");
    }
}
