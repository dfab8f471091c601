//! The vector in a command's arguments: `[REDUCE dim] (FP32 blob | VALUES count component…)`.

use crate::error::Error;
use crate::redis::args::{Args, double, integer};

/// What every malformed vector answers.
pub const INVALID: Error = Error::fixed("ERR invalid vector specification");

/// The largest dimension.
pub const MAX_DIM: usize = 65536;

/// Reads `REDUCE dim`, if it is there.
///
/// # Errors
/// [`INVALID`] where the dimension is no integer from 1 to [`MAX_DIM`].
pub fn reduce(args: &mut Args<'_>) -> Result<Option<usize>, Error> {
    if !args.next_if("REDUCE") {
        return Ok(None);
    }
    let dim = args.next().and_then(integer).and_then(|dim| usize::try_from(dim).ok());
    dim.filter(|dim| (1..=MAX_DIM).contains(dim)).map(Some).ok_or(INVALID)
}

/// Reads `FP32 blob` or `VALUES count component…`.
///
/// # Errors
/// [`INVALID`] for an unknown form, a count out of 1..=[`MAX_DIM`] or beyond the arguments, a component that is no
/// finite number, a blob that is empty or no multiple of four bytes.
pub fn vector(args: &mut Args<'_>) -> Result<Vec<f32>, Error> {
    let components = if args.next_if("FP32") {
        let blob = args.next().ok_or(INVALID)?;
        if blob.is_empty() || !blob.len().is_multiple_of(4) || blob.len() / 4 > MAX_DIM {
            return Err(INVALID);
        }
        blob.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<f32>>()
    } else if args.next_if("VALUES") {
        let count = args.next().and_then(integer).and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| (1..=MAX_DIM).contains(count)).ok_or(INVALID)?;
        let words = args.next_many(count).ok_or(INVALID)?;
        words.map(|word| double(word).map(|value| value as f32)).collect::<Option<_>>().ok_or(INVALID)?
    } else {
        return Err(INVALID);
    };
    // A component that is infinite or no number would make every distance so.
    if components.iter().all(|component| component.is_finite()) { Ok(components) } else { Err(INVALID) }
}
