//! Recursion over documents that nest deeper than a thread's stack is long.

/// What may be used of the stack between two calls of [`deeper`].
const RESERVE: usize = 256 << 10;
/// What is added when less is left.
const STEP: usize = 4 << 20;

/// Runs `inner`, on a new piece of stack where little is left of this one.
pub fn deeper<T>(inner: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RESERVE, STEP, inner)
}

/// As [`deeper`], for what calls itself with a depth one larger: looks at the stack once in a while.
pub(super) fn at_depth<T>(depth: usize, inner: impl FnOnce() -> T) -> T {
    if depth % 32 == 31 { deeper(inner) } else { inner() }
}
