use super::*;

fn location(redirect: &Redirect, authority: &str, target: &str) -> String {
    let answer = redirect.answer("http", authority, target);
    let [(name, value)] = answer.headers.as_slice() else { panic!("one field") };
    assert_eq!(*name, LOCATION);
    value.to_str().unwrap().to_owned()
}

fn redirect(scheme: Option<&'static str>, host: Option<&str>, path: Option<&str>) -> Redirect {
    let status = StatusCode::MOVED_PERMANENTLY;
    Redirect { scheme, host: host.map(str::to_owned), path: path.map(str::to_owned), status }
}

#[test]
fn what_a_redirect_does_not_name_stays_as_it_was_asked() {
    for (redirect, expected) in [
        (redirect(Some("https"), None, None), "https://a.example/x/y?q=1"),
        (redirect(Some("http"), None, None), "http://a.example:8080/x/y?q=1"),
        (redirect(None, Some("b.example:81"), None), "http://b.example:81/x/y?q=1"),
        (redirect(Some("https"), Some("b.example"), None), "https://b.example/x/y?q=1"),
        (redirect(None, None, Some("/z")), "/z?q=1"),
        (redirect(None, None, Some("/z?p=2")), "/z?p=2"),
        (redirect(Some("https"), Some("b.example"), Some("/z")), "https://b.example/z?q=1"),
    ] {
        assert_eq!(location(&redirect, "a.example:8080", "/x/y?q=1"), expected);
    }
}

#[test]
fn the_port_of_one_scheme_is_not_that_of_another() {
    let to_https = redirect(Some("https"), None, None);
    for (authority, expected) in [
        ("a.example", "https://a.example/"),
        ("a.example:80", "https://a.example/"),
        ("[::1]:8080", "https://[::1]/"),
        ("[::1]", "https://[::1]/"),
    ] {
        assert_eq!(location(&to_https, authority, "/"), expected);
    }
}

#[test]
fn each_upstream_has_its_share_of_the_points() {
    let shares = Shares::of([(95, 7), (0, 8), (5, 9)]).unwrap();
    assert_eq!(shares.total(), 100);
    let drawn: Vec<_> = (0..100).map(|point| shares.at(point)).collect();
    assert_eq!(drawn.iter().filter(|upstream| **upstream == 7).count(), 95);
    assert_eq!(drawn.iter().filter(|upstream| **upstream == 9).count(), 5);
    assert_eq!(Shares::of([(0, 1)]), None);
    assert_eq!(Shares::of([]), None);
    assert_eq!(Shares::of([(u32::MAX, 1), (u32::MAX, 2)]).unwrap().at(u64::from(u32::MAX)), 2);
}
