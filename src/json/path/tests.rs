use super::*;
use crate::json::Document;

const DOCUMENT: &str = r#"{"a":[1,2,{"b":3,"a":[5,6]}],"o":{"x":1,"a":"foo","r":"^f"},"s":"str","n":1.5,"t":true,"z":null,
    "a\"b":7,"c-d":8,"$":9,"ä":3,"p:n/#%+^`":10}"#;

fn get(path: &str) -> String {
    let document = Document::parse(DOCUMENT.as_bytes()).unwrap();
    let texts = Path::parse(path.as_bytes())
        .unwrap()
        .matches(document.root())
        .unwrap()
        .into_iter()
        .map(|value| String::from_utf8(Document::copy_of(value).to_text()).unwrap());
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn selects_as_the_field_does() {
    for (path, want) in [
        ("$..a", r#"[1,2,{"b":3,"a":[5,6]}] [5,6] "foo""#),
        ("$..[0]", "1 5"),
        ("$.a[?(@>1)]", "2"),
        ("$.a[?@.b]", r#"{"b":3,"a":[5,6]}"#),
        ("$.o[?(@==1)]", "1"),
        ("$.o[?(@=~\"f.*\")]", r#""foo" "^f""#),
        ("$.o[?(@ =~ \"(?i)^F\")]", r#""foo""#),
        ("$.o[?(@=~\"(\")]", ""),
        ("$.o[?(@ =~ $.o.r)]", r#""foo""#),
        ("$.a[?(@.a[*]>5)].b", "3"),
        ("$.a[?(@.a[*]>6)].b", ""),
        ("$.a[?(@.a[1]==6)].b", "3"),
        ("$.a[::2]", r#"1 {"b":3,"a":[5,6]}"#),
        ("$.a[-1:].b", "3"),
        ("$.a[-2:-1]", "2"),
        ("$.a[0,0]", "1 1"),
        ("$.a[2,0].b", "3"),
        ("$['o'].x", "1"),
        ("$ .a [0]", "1"),
        ("$ ..x", "1"),
        ("$.a.[ 0 , 1 ]", "1 2"),
        ("$.a[::-1].b", "3"),
        ("$.a[1::-1]", "2 1"),
        ("$.a[-1:0:-1]", r#"{"b":3,"a":[5,6]} 2"#),
        ("$.a[5:-9:-2]", r#"{"b":3,"a":[5,6]} 1"#),
        ("$.a[0:3:0]", ""),
        ("$[\"a\\\"b\"]", "7"),
        ("$['\\u0061'][0]", "1"),
        ("$.c-d", "8"),
        ("$.$", "9"),
        ("$.ä", "3"),
        ("$.p:n/#%+^`", "10"),
        ("p:n/#%+^`", "10"),
        ("$[?(@==$.p:n/#%+^`)]", "10"),
        ("$[?(@==null)]", "null"),
        ("$.a[?(@.q!=3)].b", "3"),
        ("$.a[?(!@.b)]", "1 2"),
        ("$.a[?(!(@.b == 3 || @ == 1))]", "2"),
        ("$.a[?(@.a==$.a[2].a)].b", "3"),
        ("$.a[?(@.a[?(@>5)])].b", "3"),
        ("$.a[?(@.b > -3e0)].b", "3"),
        ("$.a[99999999999]", ""),
        ("a[0]", "1"),
        (".a[-1].b", "3"),
        ("[\"a\"][0]", "1"),
        (".[\"o\"].x", "1"),
        ("..x", "1"),
        ("$a", ""),
    ] {
        assert_eq!(get(path), want, "{path}");
    }
}

#[test]
fn errors_name_the_place() {
    for (path, position) in [
        ("$.", 2),
        ("$..", 3),
        ("$.a.", 4),
        ("a b", 4),
        ("a@b", 3),
        ("a!", 3),
        ("a=b", 3),
        ("", 2),
        ("$[", 2),
        ("$.a[", 4),
        ("$.a[1", 5),
        ("$.a[0.5]", 5),
        ("$.a[?(@.b]", 9),
        ("$.a[?(@.b=3)]", 9),
        ("$.a[99999999999999999999]", 4),
        ("$...a", 3),
    ] {
        match Path::parse(path.as_bytes()) {
            Err(Error::Path(malformed)) => assert_eq!(malformed.position, position, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    let nested = format!("$[?{}@.a{}]", "(".repeat(5000), ")".repeat(5000));
    assert!(Path::parse(nested.as_bytes()).is_err());
    let filters = format!("$[?(@{}){}]", "[?(@".repeat(5000), ")]".repeat(5000));
    assert!(Path::parse(filters.as_bytes()).is_err());
}

#[test]
fn path_bombs_end() {
    let wide = Document::parse(format!("[{}]", vec!["[1,[2,[3,[4]]]]"; 300].join(",")).as_bytes()).unwrap();
    let deep = Document::parse(format!("{}1{}", "[1,".repeat(60), "]".repeat(60)).as_bytes()).unwrap();
    let bomb = Path::parse(b"$..*..*..*..*..*..*..*..*").unwrap();
    assert_eq!(bomb.matches(deep.root()).unwrap_err(), Error::PathTooCostly);
    let filters = Path::parse(b"$..[?($..[?($..[?($..*)])])]").unwrap();
    let started = std::time::Instant::now();
    let _ = filters.matches(wide.root());
    let regexes = Path::parse(b"$..[?($..[?(@ =~ @)])]").unwrap();
    let _ = regexes.matches(wide.root());
    assert!(started.elapsed().as_secs() < 20);
    assert!(Path::parse(b"$[?(@ =~ \"(((a{100}){100}){100}){100}\")]").is_ok());
}

#[test]
fn static_paths_and_places() {
    let is = |path: &str| Path::parse(path.as_bytes()).unwrap().is_static();
    assert!(is("$") && is(".") && is("a.b[0]") && is("$['a'][-1]"));
    assert!(!is("$.*") && !is("$..a") && !is("$.a[0,1]") && !is("$[?(@.a)]") && !is("$.a[0:1]"));
    let document = Document::parse(DOCUMENT.as_bytes()).unwrap();
    let places = Path::parse(b"$.a[2,0,-1].a").unwrap().locations(document.root()).unwrap();
    assert_eq!(places, [Location::from_slice(&[0, 2, 1])]);
}
