//! Would a coarse code to walk by, with the int8 code beside it to rank by, be faster than int8 alone? Curves of recall and
//! queries per second of several coarse codes over the same graph, in one interleaved run.
//!
//! ```text
//! cargo run --release --example coarse_bench -- BASE DIM QUERIES [--times N] [--wide D] [--built q8|bin] [--rounds R]
//! ```
//!
//! `BASE` and `QUERIES` are rows of `DIM` little-endian floats (`.f16` or `.f32` by name), `DIM` a multiple of 128. With
//! `--times` every row is there N times, each time moved a bit; with `--wide` the rows are turned into `D` components by
//! a random rotation, which keeps all distances. The graph is the engine's, built with the codes that `--built` names.
//!
//! | walks by | what it is | bytes at `d` components |
//! |---|---|---|
//! | `8` | the `Q8` code itself: what the others are compared with | d |
//! | `4` | the upper half of each byte of the `Q8` code; the lower halves need be read for ranking only | d/2 |
//! | `2` | RaBitQ with two bits (arXiv:2409.09913), after a rotation | d/4 |
//! | `1` | RaBitQ (arXiv:2405.12497): signs after a rotation, estimated by ⟨q, signs⟩/‖x‖₁ with the query in int8 | d/8 |
//! | `1?` | `1` as a filter: whom it puts too far is not compared; all others are, and the walk is by `Q8` distances | d/8 |
//!
//! A row has the coarse code, two factors and the links; int8 codes are in a table of their own, which `8` does not need.
//! All run the same loop, so only the codes differ. Needs a processor with AVX-512 VNNI.
#![allow(missing_docs, clippy::print_stdout)]

#[cfg(target_arch = "x86_64")]
#[path = "../clock/mod.rs"]
mod clock;
#[cfg(target_arch = "x86_64")]
mod codes;
#[cfg(target_arch = "x86_64")]
mod rounds;
#[cfg(target_arch = "x86_64")]
#[path = "../rows/mod.rs"]
mod rows;
#[cfg(target_arch = "x86_64")]
mod walk;

#[cfg(target_arch = "x86_64")]
fn main() {
    rounds::run();
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("needs AVX-512 VNNI");
}
