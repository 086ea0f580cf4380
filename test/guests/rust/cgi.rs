//! A CGI program (RFC 3875): answers with what the server told it, a variable a
//! line, then the body as it came. `/status/N` answers with the status N.
use std::io::{copy, stdin, stdout, Write};

fn main() -> std::io::Result<()> {
    let method = std::env::var("REQUEST_METHOD").unwrap_or("none".into());
    let path = std::env::var("PATH_INFO").unwrap_or_default();
    let status = path.strip_prefix("/status/").unwrap_or("200");
    let mut out = stdout().lock();
    write!(out, "Status: {status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Method: {method}\r\n\r\n")?;
    for (name, value) in std::env::vars() {
        writeln!(out, "{name}={value}")?;
    }
    writeln!(out)?;
    copy(&mut stdin().lock(), &mut out)?;
    Ok(())
}
