//! The `curl` commands of pages and guides, read as a shell and curl read them; whatever else stands there fails the test.

/// What one command sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Curl {
    pub(super) method: String,
    /// With its port, where the URL has one.
    pub(super) host: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
    /// The body is said to be JSON.
    pub(super) json: bool,
}

impl Curl {
    /// The commands of a block of shell lines.
    pub(super) fn commands(block: &str) -> Vec<String> {
        let joined = block.replace("\\\n", " ");
        joined.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect()
    }

    /// # Panics
    /// When there is anything in it that is not known here.
    pub(super) fn parse(command: &str, variables: &[(&str, &str)]) -> Self {
        let mut words = words(&command.replace("\\\n", " "), variables).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let (mut method, mut url, mut fields) = (None, None, Vec::new());
        let (mut body, mut json) = (None, false);
        while let Some(word) = words.next() {
            let mut next = || words.next().unwrap_or_else(|| panic!("{word} of what: {command}"));
            match word.as_str() {
                "-X" => method = Some(next()),
                "-H" => {
                    let field = next();
                    let (name, value) = field.split_once(": ").unwrap();
                    fields.push((name.to_owned(), value.to_owned()));
                }
                "-d" => body = Some(next()),
                "--json" => (body, json) = (Some(next()), true),
                option if option.starts_with('-') => panic!("{option} in {command}"),
                _ => assert_eq!(url.replace(word), None, "a second URL: {command}"),
            }
        }
        let url = url.unwrap_or_else(|| panic!("no URL: {command}"));
        let (_, rest) = url.split_once("://").unwrap_or_else(|| panic!("no scheme: {url}"));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let usual = if body.is_some() { "POST" } else { "GET" };
        Self {
            method: method.unwrap_or_else(|| usual.to_owned()),
            host: host.to_owned(),
            target: format!("/{path}"),
            fields,
            body: body.unwrap_or_default(),
            json,
        }
    }
}

/// The words of a command, quotes taken off and `$NAME` put in (but between single quotes).
fn words(command: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut rest = command.chars().peekable();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), close) if open == close => quote = None,
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '$') => {
                let mut name = String::new();
                while let Some(letter) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(letter);
                }
                let value = variables.iter().find(|(known, _)| *known == name);
                let value = value.unwrap_or_else(|| panic!("nobody has set ${name}: {command}"));
                word.get_or_insert_default().push_str(value.1);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    assert_eq!(quote, None, "a quote is open: {command}");
    words.extend(word);
    words
}

#[test]
fn a_command_is_read_as_a_shell_reads_it() {
    let command = "curl -X PUT \\\n  'https://a.example/v1/x?a=$B' -H \"Authorization: Bearer $TOKEN\" --json '{\"a\": \"$B\"}'";
    let expected = Curl {
        method: "PUT".to_owned(),
        host: "a.example".to_owned(),
        target: "/v1/x?a=$B".to_owned(),
        fields: vec![("Authorization".to_owned(), "Bearer t".to_owned())],
        body: r#"{"a": "$B"}"#.to_owned(),
        json: true,
    };
    assert_eq!(Curl::parse(command, &[("TOKEN", "t")]), expected);
    let bare = Curl::parse("curl http://127.0.0.1:9901/$ID", &[("ID", "crd_1")]);
    assert_eq!((&*bare.method, &*bare.host, &*bare.target), ("GET", "127.0.0.1:9901", "/crd_1"));
}
