//! Vector sets move between Redis 8 and this module: a DUMP of either loads in the other and answers the same.
//!
//! The payloads of Redis 8.2 and its answers are in `tests/data/vset-redis-8.2.json`. Where the environment variable
//! `REDIS8_PORT` names a server with built-in vector sets, our payloads are restored there too, and compared live.

mod dump;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use dump::{frame, unframe};
use nearset::vset::encoding::Format;
use nearset::vset::{Add, Filter, Quantization, Query, Target, VectorSet};

#[derive(serde::Deserialize)]
struct Fixture {
    name: String,
    card: usize,
    attributes_4: String,
    dump: String,
    queries: Vec<Asked>,
}

#[derive(serde::Deserialize)]
struct Asked {
    vector: Vec<f32>,
    answer: Vec<(String, f64)>,
}

fn answers(set: &VectorSet, vector: &[f32], exact: bool) -> Vec<(String, f64)> {
    let mut query: Query = set.query(Target::Vector(vector)).unwrap();
    (query.count, query.exact) = (12, exact);
    set.search(&query, |hits| {
        hits.iter().map(|hit| (String::from_utf8_lossy(hit.element).into_owned(), hit.score)).collect()
    })
}

/// Same elements and scores; elements of (nearly) the same score in any order.
fn assert_same(got: &[(String, f64)], want: &[(String, f64)], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!((got.1 - want.1).abs() < 2e-6, "{what}: {got:?} {want:?}");
    }
    let least = want.last().map_or(0.0, |last| last.1);
    for (name, score) in got {
        assert!(*score < least + 4e-6 || want.iter().any(|(other, _)| other == name), "{what}: {name}");
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn fixtures() -> Vec<Fixture> {
    serde_json::from_str(include_str!("data/vset-redis-8.2.json")).unwrap()
}

#[test]
fn dumps_of_redis_8_load_and_answer_the_same() {
    for fixture in fixtures() {
        let payload = unframe(&bytes(&fixture.dump)).unwrap();
        let set = VectorSet::decode(&mut payload.as_source(), 0, usize::MAX).unwrap();
        assert_eq!(set.card(), fixture.card, "{}", fixture.name);
        let attributes = set.with_attributes(b"element:4", |a| String::from_utf8(a.unwrap().to_vec()).unwrap());
        assert_eq!(attributes, fixture.attributes_4);
        for asked in &fixture.queries {
            for exact in [true, false] {
                assert_same(&answers(&set, &asked.vector, exact), &asked.answer, &fixture.name);
            }
        }
        let mut filtered = set.query(Target::Element(b"element:4")).unwrap();
        filtered.filter = Some(Filter::compile(b".n == 4").unwrap());
        assert_eq!(set.search(&filtered, |hits| hits.len()), 1);
    }
}

#[test]
fn a_projection_that_was_loaded_needs_no_memory() {
    let fixture = fixtures().into_iter().find(|fixture| fixture.name == "reduced").unwrap();
    let payload = unframe(&bytes(&fixture.dump)).unwrap();
    let loaded = VectorSet::decode(&mut payload.as_source(), 0, usize::MAX).unwrap();
    let add = Add {
        element: b"new",
        vector: &[0.5; 12],
        reduce: Some(5),
        quantization: Quantization::None,
        m: 8,
        ef: 200,
        attributes: None,
        coarse_dim: usize::MAX,
    };
    let fresh = VectorSet::new(&add).unwrap();
    fresh.add(&add).unwrap();
    loaded.add(&add).unwrap();
    assert_eq!(loaded.raw_vector(b"new"), fresh.raw_vector(b"new"));
}

#[test]
fn a_frame_holds_what_was_put_in() {
    for fixture in fixtures() {
        let payload = unframe(&bytes(&fixture.dump)).unwrap();
        let framed = frame(&payload, 10);
        assert_eq!(unframe(&framed).unwrap(), payload);
        let mut damaged = framed.clone();
        damaged[20] ^= 1;
        assert!(unframe(&damaged).is_none(), "the checksum tells");
    }
}

/// A connection that sends commands and reads replies as text.
struct Client(BufReader<TcpStream>);

impl Client {
    fn call(&mut self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).into_bytes());
            request.extend_from_slice(word);
            request.extend(b"\r\n");
        }
        self.0.get_mut().write_all(&request).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> Vec<Vec<u8>> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "*" => (0..rest.parse::<i64>().unwrap()).flat_map(|_| self.reply()).collect(),
            "$" => {
                let Ok(len) = rest.parse::<usize>() else { return vec![Vec::new()] };
                let mut text = vec![0; len + 2];
                self.0.read_exact(&mut text).unwrap();
                text.truncate(len);
                vec![text]
            }
            _ => vec![rest.as_bytes().to_vec()],
        }
    }
}

#[test]
fn our_dumps_load_in_redis_8_and_answer_the_same() {
    let Ok(port) = std::env::var("REDIS8_PORT") else { return };
    let mut client = Client(BufReader::new(TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap()));
    for fixture in fixtures() {
        let payload = unframe(&bytes(&fixture.dump)).unwrap();
        let set = VectorSet::decode(&mut payload.as_source(), 0, usize::MAX).unwrap();
        // Make the graph our own work: half of the elements leave and come back.
        let reduce = Some(set.info()).filter(|info| info.projection_input_dim > 0).map(|info| info.dim);
        for n in 0..40 {
            let name = format!("element:{n}");
            set.remove(name.as_bytes());
            let vector: Vec<f32> = fixture.queries[n % 5].vector.iter().map(|x| x * (n as f32 - 19.5) + 0.1).collect();
            set.add(&Add {
                element: name.as_bytes(),
                vector: &vector,
                reduce,
                quantization: set.quantization(),
                m: set.info().m,
                ef: 200,
                attributes: (n % 2 == 0).then_some(b"{\"fresh\":1}"),
                coarse_dim: usize::MAX,
            })
            .unwrap();
        }
        let mut items = dump::Payload::default();
        set.encode(&mut items, Format::Redis);
        let key = format!("nearset:dump:{}:{}", fixture.name, std::process::id());
        let restored = client.call(&[b"RESTORE", key.as_bytes(), b"0", &frame(&items, 10)]);
        assert_eq!(restored, [b"OK"], "{:?}", String::from_utf8_lossy(&restored[0]));
        assert_eq!(client.call(&[b"VCARD", key.as_bytes()])[0], set.card().to_string().into_bytes());
        for asked in &fixture.queries {
            let blob: Vec<u8> = asked.vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            for exact in [true, false] {
                let mut words: Vec<&[u8]> =
                    vec![b"VSIM", key.as_bytes(), b"FP32", &blob, b"WITHSCORES", b"COUNT", b"12"];
                words.extend(exact.then_some(&b"TRUTH"[..]));
                let reply = client.call(&words);
                let want: Vec<(String, f64)> = reply
                    .chunks(2)
                    .map(|pair| {
                        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                        (text(&pair[0]), text(&pair[1]).parse().unwrap())
                    })
                    .collect();
                assert_same(&answers(&set, &asked.vector, exact), &want, &fixture.name);
            }
        }
        // And back: what Redis writes of it loads here.
        let again = unframe(&client.call(&[b"DUMP", key.as_bytes()])[0]).unwrap();
        let again = VectorSet::decode(&mut again.as_source(), 0, usize::MAX).unwrap();
        for n in 0..80 {
            let name = format!("element:{n}");
            assert_eq!(again.raw_vector(name.as_bytes()), set.raw_vector(name.as_bytes()));
        }
        client.call(&[b"DEL", key.as_bytes()]);
    }
}
