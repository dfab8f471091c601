//! Codes: exact values, and what every way in has in common.

use proptest::prelude::*;

use super::*;

fn encode(encoding: Encoding, floats: &[f32]) -> (Vec<u8>, Beside) {
    let codec = Codec::new(floats.len(), encoding, Metric::Cosine);
    let mut code = vec![0; codec.code_len()];
    let beside = codec.encode(Vector::Floats(floats), &mut code);
    (code, beside)
}

#[test]
fn q8_codes_are_those_of_the_field() {
    let (code, beside) = encode(Encoding::Q8, &[1.262185, 1.958231]);
    assert_eq!(code, [0x52, 0x7f]);
    assert_eq!(beside, Beside { l2: 2.329_759_7, scale: 0.840_529_2 });
    let (code, beside) = encode(Encoding::Q8, &[0.1, -0.2, 0.3, -0.4, 0.5]);
    assert_eq!(code, [0x19, 0xcd, 0x4c, 0x9a, 0x7f]);
    assert_eq!(beside, Beside { l2: 0.741_619_9, scale: 0.674_199_8 });
}

#[test]
fn q8_rounds_half_away_from_zero() {
    let floats: Vec<f32> = (-1000..=1000).map(|x| x as f32 / 1000.0).collect();
    let mut code = vec![0; floats.len()];
    let range = range_of(&floats, 1.0);
    quantize(&floats, &mut code, |x| f64::from(x * (127.0 / range)));
    for (x, code) in floats.iter().zip(code) {
        assert_eq!(code as i8, (x * (127.0 / range)).round() as i8, "{x}");
    }
}

#[test]
fn bin_codes_are_sign_bits() {
    let (code, _) = encode(Encoding::Bin, &[0.1, -0.2, 0.3, -0.4, 0.5]);
    assert_eq!(code, [0x15, 0, 0, 0, 0, 0, 0, 0]);
    let codec = Codec::new(5, Encoding::Bin, Metric::Cosine);
    assert_eq!(codec.decode(&code, 0.0), [1.0, -1.0, 1.0, -1.0, 1.0]);
}

#[test]
fn the_zero_vector_is_kept_with_norm_one() {
    for encoding in [Encoding::F32, Encoding::F64, Encoding::F16, Encoding::BF16, Encoding::Q8, Encoding::I8] {
        let (code, beside) = encode(encoding, &[0.0; 3]);
        assert!(code.iter().all(|&x| x == 0));
        assert_eq!(beside, Beside { l2: 1.0, scale: 0.0 });
    }
}

#[test]
fn bytes_and_floats_give_the_same_code() {
    let floats = [0.5f32, -1.25, 3.0, 0.0, 2.0];
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        for encoding in [Encoding::F32, Encoding::Q8, Encoding::Bin, Encoding::F16, Encoding::BF16] {
            let bytes: Vec<u8> = match encoding {
                Encoding::F16 => floats.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
                Encoding::BF16 => floats.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
                _ => floats.iter().flat_map(|x| x.to_le_bytes()).collect(),
            };
            let codec = Codec::new(5, encoding, metric);
            let (mut one, mut other) = (vec![0; codec.code_len()], vec![0; codec.code_len()]);
            assert_eq!(
                codec.encode(Vector::Floats(&floats), &mut one),
                codec.encode(Vector::Bytes(&bytes), &mut other)
            );
            assert_eq!(one, other);
        }
    }
}

/// The components as a user of `element` sends them.
fn bytes_of(element: Encoding, components: &[f64]) -> Vec<u8> {
    let each = |&x: &f64| match element {
        Encoding::F64 => x.to_le_bytes().to_vec(),
        Encoding::F16 => f16::from_f64(x).to_le_bytes().to_vec(),
        Encoding::BF16 => bf16::from_f64(x).to_le_bytes().to_vec(),
        Encoding::I8 => (x as i8).to_le_bytes().to_vec(),
        Encoding::U8 => vec![x as u8],
        Encoding::F32 | Encoding::Q8 | Encoding::Bin => (x as f32).to_le_bytes().to_vec(),
    };
    components.iter().flat_map(each).collect()
}

#[test]
fn components_of_every_element_give_the_same_code() {
    // Each is a number of every element.
    let components = [5.0, 0.0, 96.0, 17.0, 1.0];
    let floats = components.map(|x| x as f32);
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        for encoding in Encoding::ALL {
            let codec = Codec::new(5, encoding, metric);
            let mut expected = vec![0; codec.code_len()];
            let beside = codec.encode(Vector::Floats(&floats), &mut expected);
            for element in Encoding::ALL {
                let bytes = bytes_of(element, &components);
                let vector = Vector::Of { element, bytes: &bytes };
                assert!(codec.fits(&vector) && !codec.fits(&Vector::Of { element, bytes: &bytes[1..] }));
                let mut code = vec![0; codec.code_len()];
                assert_eq!(codec.encode(vector, &mut code), beside, "{element:?} as {codec:?}");
                // Doubles are normalized in their own precision.
                assert!(code == expected || encoding == Encoding::F64, "{element:?} as {codec:?}");
            }
        }
    }
}

#[test]
fn doubles_that_are_no_floats_keep_their_direction() {
    for size in [1e-200, 1e-30, 1e30, 1e200] {
        let bytes = bytes_of(Encoding::F64, &[3.0 * size, -4.0 * size]);
        let vector = Vector::Of { element: Encoding::F64, bytes: &bytes };
        let mut code = [0; 2];
        let codec = Codec::new(2, Encoding::Q8, Metric::Cosine);
        assert_eq!((codec.encode(vector, &mut code).scale, code.map(|x| x as i8)), (0.8, [95, -127]));
    }
    let bytes = bytes_of(Encoding::F64, &[1e300, -1e300, 1.0]);
    let mut code = [0; 3];
    let codec = Codec::new(3, Encoding::Q8, Metric::L2);
    let beside = codec.encode(Vector::Of { element: Encoding::F64, bytes: &bytes }, &mut code);
    assert_eq!((beside.scale, code.map(|x| x as i8)), (f32::MAX, [127, -127, 0]));
}

#[test]
fn q8_of_vectors_as_they_are() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let codec = Codec::new(3, Encoding::Q8, metric);
        let mut code = [0; 3];
        let beside = codec.encode(Vector::Floats(&[1.0, -254.0, 127.0]), &mut code);
        assert_eq!((beside.scale, code.map(|x| x as i8)), (254.0, [1, -127, 64]));
        let squares = (1 + 127 * 127 + 64 * 64) as f32;
        assert_eq!(beside.l2, if metric == Metric::L2 { squares } else { 1.0 });
        assert_eq!(codec.decode(&code, beside.scale), [2.0, -254.0, 128.0]);
        let mut again = [0; 3];
        let stored = Vector::Stored { code: &code, l2: 1.0, range: beside.scale };
        assert_eq!((codec.encode(stored, &mut again), again), (beside, code));
        // The smallest floats are scaled as all others.
        codec.encode(Vector::Floats(&[1e-44, -2e-44, 0.0]), &mut code);
        assert_eq!(code.map(|x| x as i8), [64, -127, 0]);
    }
}

proptest! {
    #[test]
    fn q8_gives_components_back_to_half_a_step(
        floats in proptest::collection::vec(prop_oneof![-1.0f32..1.0, -1e-3f32..1e-3, any::<f32>()], 1..100),
    ) {
        prop_assume!(floats.iter().all(|x| x.is_finite()));
        for metric in [Metric::L2, Metric::InnerProduct] {
            let codec = Codec::new(floats.len(), Encoding::Q8, metric);
            let mut code = vec![0; floats.len()];
            let range = f64::from(codec.encode(Vector::Floats(&floats), &mut code).scale);
            for (&x, &code) in floats.iter().zip(&code) {
                let back = f64::from(code as i8) * range / 127.0;
                prop_assert!((back - f64::from(x)).abs() <= range / 254.0 * (1.0 + 1e-12));
            }
        }
    }
}

#[test]
fn nothing_panics_on_numbers_that_are_none() {
    for element in Encoding::ALL {
        for bits in [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE / 4.0] {
            let bytes = bytes_of(element, &[bits, 1.0]);
            for (encoding, metric) in Encoding::ALL.into_iter().flat_map(|x| [(x, Metric::Cosine), (x, Metric::L2)]) {
                let codec = Codec::new(2, encoding, metric);
                codec.encode(Vector::Of { element, bytes: &bytes }, &mut vec![0; codec.code_len()]);
            }
        }
    }
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        for encoding in [Encoding::F32, Encoding::I8, Encoding::U8, Encoding::Q8, Encoding::Bin] {
            encode(encoding, &[x, 1.0]);
        }
    }
}
