//! The `stockade` binary: see the library for everything.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(u8::try_from(stockade::cli::main()).unwrap_or(u8::MAX))
}
