//! VERBS.
/// main
pub fn main() -> i32 {
    0
}
