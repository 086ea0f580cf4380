//! A plain command: whatever is on its standard input, in capital letters. Arguments come first, one a line.
use std::io::{stdin, stdout, Read, Write};

fn main() -> std::io::Result<()> {
    for argument in std::env::args().skip(1) {
        println!("{argument}");
    }
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    stdout().write_all(&bytes.to_ascii_uppercase())
}
