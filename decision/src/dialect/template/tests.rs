use super::*;

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn a_dollar_before_a_name_is_a_variable_and_anything_else_itself() {
    use Variable::{Code, RequestId, Status};
    let table: [(&str, Vec<Part>); 9] = [
        ("", vec![]),
        ("plain", vec![text("plain")]),
        ("$code", vec![Part::Variable(Code)]),
        ("$code$status", vec![Part::Variable(Code), Part::Variable(Status)]),
        (
            "(id $request_id, $status)",
            vec![
                text("(id "),
                Part::Variable(RequestId),
                text(", "),
                Part::Variable(Status),
                text(")"),
            ],
        ),
        ("US$ 5, $5, 5$", vec![text("US$ 5, $5, 5$")]),
        ("$$code and $$", vec![text("$code and $")]),
        ("$$$code", vec![text("$"), Part::Variable(Code)]),
        ("${code} $_", vec![text("${code} $_")]),
    ];
    for (given, expected) in table {
        assert_eq!(parts(given), Ok(expected), "{given}");
    }
    assert_eq!(parts("a $codes b"), Err(Unknown("codes")));
    assert_eq!(parts("$requestId"), Err(Unknown("requestId")));
}

#[test]
fn markup_is_escaped_between_tags_and_within_quotes() {
    assert_eq!(
        marked_up("<b class='x' id=\"y\">&amp;é"),
        "&lt;b class=&#39;x&#39; id=&quot;y&quot;&gt;&amp;amp;é"
    );
}
