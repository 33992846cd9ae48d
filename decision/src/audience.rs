//! Audiences: absolute URIs that are compared exactly once both are normalised (RFC 3986, section 6).

use crate::path::unescape;

/// The ports that a scheme has without saying so.
const DEFAULT_PORTS: [(&str, &str); 4] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443")];

/// The one form of an absolute URI: case, escapes and dot segments (6.2.2), an empty path and a default port (6.2.3). What is no
/// absolute URI stays as it is.
pub fn normalise(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return text.to_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let (rest, fragment) = split_before(rest, '#');
    let (hierarchy, query) = split_before(rest, '?');
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = split_before(rest, '/');
            (Some(authority), path)
        }
        None => (None, hierarchy),
    };
    let mut path = escapes(path);
    if authority.is_some() {
        path = without_dots(&path);
    }
    let authority = authority.map_or_else(String::new, |text| format!("//{}", host(&scheme, text)));
    format!("{scheme}:{authority}{path}{}{}", escapes(query), escapes(fragment))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// `text` up to the first `mark`, and the rest with it.
fn split_before(text: &str, mark: char) -> (&str, &str) {
    text.find(mark).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// User, host and port of an authority.
fn host(scheme: &str, authority: &str) -> String {
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (format!("{}@", escapes(user)), address),
        None => (String::new(), authority),
    };
    let (name, port) = match address.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => {
            (name, port)
        }
        _ => (address, ""),
    };
    // Twice, because lower case is for the name and not for its escapes.
    let name = escapes(&escapes(name).to_ascii_lowercase());
    if port.is_empty() || DEFAULT_PORTS.contains(&(scheme, port)) {
        format!("{user}{name}")
    } else {
        format!("{user}{name}:{port}")
    }
}

/// Escapes of unreserved characters decoded, the others in capitals. A text with a `%` that begins none stays as it is.
fn escapes(text: &str) -> String {
    decoded(text).unwrap_or_else(|| text.to_owned())
}

fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut normal = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let byte = unescape(digits)?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            normal.push(byte as char);
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        normal.push_str(rest);
    }
    Some(normal)
}

/// RFC 3986, section 5.2.4, of a path that follows an authority: it begins with a slash, or is empty.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !dots {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests;
