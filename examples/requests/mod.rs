//! Requests and replies as they go over the wire, without a copy of either.

/// The requests of a file; `None` if it does not end with a whole one.
pub fn split(data: &[u8]) -> Option<Vec<&[u8]>> {
    fn number(data: &[u8], at: &mut usize) -> Option<usize> {
        let length = data[*at..].iter().position(|byte| *byte == b'\r')?;
        let digits = str::from_utf8(data.get(*at + 1..*at + length)?).ok()?;
        *at += length + 2;
        digits.parse().ok()
    }
    let (mut requests, mut at) = (Vec::new(), 0);
    while at < data.len() {
        let start = at;
        for _ in 0..number(data, &mut at)? {
            let length = number(data, &mut at)?;
            at += length + 2;
        }
        requests.push(data.get(start..at)?);
    }
    Some(requests)
}

/// Microseconds, or whatever else: the value at a share of a sorted list.
pub fn quantile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    let last = sorted.len().saturating_sub(1);
    let place = (share * last as f64).ceil() as usize;
    sorted.get(place.min(last)).copied().unwrap_or_default()
}
