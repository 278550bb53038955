//! Every target over its corpus and over mutations of it, the same ones in each run.

use veche_fuzz::{TARGETS, Target, corpus};

/// Bytes that mean something in a header, a length or a number.
const TELLING: [u8; 16] =
    [0, 1, 0x0a, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x88, 0x89, 0xc1, 0xfe, 0xff, b'"', b','];

/// A generator that needs no crate: xorshift, 64 bits.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.next() as u8,
        }
    }
}

fn mutated(corpus: &[Vec<u8>], noise: &mut Noise) -> Vec<u8> {
    let mut input = corpus[noise.below(corpus.len())].clone();
    for _ in 0..=noise.below(4) {
        let at = noise.below(input.len() + 1);
        match noise.below(7) {
            0 => input.truncate(at),
            1 => input.insert(at, noise.byte()),
            2 => drop(input.drain(at..(at + noise.below(8)).min(input.len()).max(at))),
            3 => {
                let other = &corpus[noise.below(corpus.len())];
                input.truncate(at);
                input.extend(&other[noise.below(other.len() + 1)..]);
            }
            4 => {
                let piece = input[at..].to_vec();
                input.extend(piece);
            }
            5 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << noise.below(8)),
            _ => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = noise.byte()),
        }
    }
    input.truncate(8 * 1024);
    input
}

/// About half a second each in a debug build.
fn run(name: &str, mutations: usize) {
    let (_, target): (_, Target) = *TARGETS.iter().find(|(other, _)| *other == name).expect("a target");
    let corpus = corpus(name);
    assert!(corpus.len() > 3, "no corpus for {name}");
    for input in &corpus {
        target(input);
    }
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..mutations {
        target(&mutated(&corpus, &mut noise));
    }
}

#[test]
fn the_servers_decoder() {
    run("ws_server", 12_000);
}

#[test]
fn the_clients_decoder() {
    run("ws_client", 12_000);
}

#[test]
fn the_round_trip() {
    run("ws_round_trip", 400);
}

#[test]
fn the_handshake() {
    run("upgrade", 20_000);
}

#[test]
fn the_parser_of_frames() {
    run("client_frames", 40_000);
}

#[test]
fn polling_bodies() {
    run("engine_payload", 40_000);
}

#[test]
fn the_engines_session() {
    run("engine_session", 20_000);
}

#[test]
fn the_parser_of_socket_io() {
    run("socket_packets", 10_000);
}

#[test]
fn the_msgpack_parser_of_socket_io() {
    run("socket_msgpack", 20_000);
}
