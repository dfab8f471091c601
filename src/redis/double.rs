//! Doubles as text.
//!
//! Redis 7.0 prints `%.17g`, later servers the shortest text that reads back as the same double. So that a RESP2 reply is
//! the same on every server, [`shortest`] makes the later form here.

/// The shortest text of a double, as servers from 7.2 on print it: an integral value of moderate size in digits, small
/// exponents as decimals, otherwise `d.ddde-7`, `d.ddde+21`; `nan`, `inf`, `-inf`, `-0`.
pub fn shortest(value: f64) -> String {
    /// Integers that an i64 holds with room to spare are printed as such.
    const INTEGRAL: f64 = (i64::MAX / 2) as f64;
    if value.is_nan() {
        "nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.into()
    } else if value == 0.0 {
        if value.is_sign_negative() { "-0" } else { "0" }.into()
    } else if value.fract() == 0.0 && value.abs() < INTEGRAL {
        (value as i64).to_string()
    } else {
        layout(value)
    }
}

/// Lays out the shortest digits by the rules of `fpconv`: the digits times ten to the `k`.
fn layout(value: f64) -> String {
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let count = digits.len() as i32;
    let k = exponent - (count - 1);
    let sign = if value < 0.0 { "-" } else { "" };
    let body = if k >= 0 && exponent < count + 7 {
        format!("{digits}{}", "0".repeat(k as usize))
    } else if k < 0 && (k > -7 || exponent.abs() < 4) {
        let point = count + k;
        if point <= 0 {
            format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            format!("{whole}.{fraction}")
        }
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{first}{point}{rest}e{}{}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::shortest;

    /// Asked of Redis 8.2.
    #[test]
    fn texts_are_those_of_later_servers() {
        for (value, text) in [
            (0.1, "0.1"),
            (9.999999747378752e-6, "9.999999747378752e-6"),
            (0.00001234567, "1.234567e-5"),
            (0.0012345, "0.0012345"),
            (1.0, "1"),
            (-1.0, "-1"),
            (1e10, "10000000000"),
            (16777217.5, "16777217.5"),
            (0.8535533845424652, "0.8535533845424652"),
            (1e-7, "1e-7"),
            (5e18, "5e+18"),
            (1e25, "1e+25"),
            (1.17549435e-38, "1.17549435e-38"),
            (-0.0, "-0"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(shortest(value), text);
        }
    }
}
