use super::*;

struct Entry(Vec<(&'static str, &'static str)>, &'static [u8]);

impl Lookup for Entry {
    fn label(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
    fn labels(&self) -> Vec<(&str, &str)> {
        self.0.clone()
    }
    fn line(&self) -> &[u8] {
        self.1
    }
    fn timestamp_ns(&self) -> i64 {
        1_795_402_802_039_467_917
    }
    fn now_ns(&self) -> i64 {
        1_795_402_900_000_000_000
    }
}

fn entry() -> Entry {
    let labels = vec![
        ("cost_usd", "0.0008716"),
        ("empty", ""),
        ("json", r#"{"a":[1,2.5,"x",null,true],"b":{"c":"d"}}"#),
        ("model", "llama-3.3-70b"),
        ("status", "success"),
        ("total_tokens", "1430"),
    ];
    Entry(labels, b"line \xff!")
}

/// What is rendered, or the error.
fn render(text: &str) -> String {
    let mut out = Vec::new();
    let result = Template::parse("line", text).and_then(|template| template.render(&entry(), &mut out));
    match result {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(TemplateError(words)) => words,
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (template, rendered) in cases {
        assert_eq!(render(template), *rendered, "{template}");
    }
}

#[test]
fn text_and_fields() {
    check(&[
        ("", ""),
        ("plain } { text", "plain } { text"),
        ("{{.model}}", "llama-3.3-70b"),
        ("{{ .nope }}|{{ .empty }}|", "||"),
        ("a  {{- \" b \" -}}  c", "a b c"),
        ("a {{- /* no */ -}} b{{/* one */}} c", "ab c"),
        ("{{ `raw \\n` }}{{ \"\\t\\u00e9\\x41\" }}", "raw \\n\té\u{41}"),
        (
            "{{ 'a' }} {{ 0x10 }} {{ 1_000 }} {{ 1e3 }} {{ 2.50 }} {{ true }} {{ -3 }} {{ .5 }}",
            "97 16 1000 1000 2.5 true -3 0.5",
        ),
        ("{{ __line__ }}", "line \u{fffd}!"),
        ("{{ __timestamp__ }}", "2026-11-23 03:00:02.039467917 +0000 UTC"),
        (
            "{{ print . }}",
            "map[cost_usd:0.0008716 empty: json:{\"a\":[1,2.5,\"x\",null,true],\"b\":{\"c\":\"d\"}} model:llama-3.3-70b status:success total_tokens:1430]",
        ),
    ]);
}

#[test]
fn branches_and_loops() {
    check(&[
        (r#"{{ if eq .status "success" }}ok{{ else }}bad{{ end }}"#, "ok"),
        ("{{ if .empty }}a{{ else if .model }}b{{ else }}c{{ end }}", "b"),
        ("{{ if and .model (not .empty) }}y{{ end }}{{ if or .empty .nope }}n{{ end }}", "y"),
        (
            "{{ with .model }}<{{ . }}>{{ end }}{{ with .empty }}a{{ else }}{{ .status }}{{ end }}",
            "<llama-3.3-70b>success",
        ),
        ("{{ with .empty }}a{{ else with .model }}{{ . }}{{ end }}", "llama-3.3-70b"),
        (
            "{{ $x := .model }}{{ $y := 1 }}{{ if true }}{{ $y = 2 }}{{ $z := 3 }}{{ end }}{{ $x }}{{ $y }}",
            "llama-3.3-70b2",
        ),
        ("{{ range $i, $e := (fromJson .json).a }}{{ $i }}={{ $e }};{{ end }}", "0=1;1=2.5;2=x;3=<no value>;4=true;"),
        ("{{ range (fromJson .json).a }}[{{ . }}]{{ end }}", "[1][2.5][x][<no value>][true]"),
        ("{{ range $q := fromJson \"[{\\\"q\\\":1},{\\\"q\\\":2}]\" }}{{ $q.q }} {{ end }}", "1 2 "),
        ("{{ range $k, $v := fromJson \"{\\\"b\\\":1,\\\"a\\\":2}\" }}{{ $k }}{{ $v }}{{ end }}", "a2b1"),
        ("{{ range 3 }}{{ . }}{{ end }}{{ range 0 }}x{{ else }}none{{ end }}", "012none"),
        (
            "{{ range $i, $_ := fromJson \"[9,9,9,9]\" }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ if eq $i 3 }}{{ break }}{{ end }}{{ $i }}{{ end }}",
            "02",
        ),
        ("{{ range $k, $v := . }}{{ if eq $k \"status\" }}{{ $v }}{{ end }}{{ end }}", "success"),
        (
            "{{ define \"t\" }}<{{ . }}{{ $ }}>{{ end }}{{ template \"t\" .status }}{{ block \"b\" 1 }}{{ . }}{{ end }}",
            "<successsuccess>1",
        ),
        ("{{ $.model }}{{ range 1 }}{{ $.status }}{{ end }}", "llama-3.3-70bsuccess"),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        (
            "{{ eq 1 2 1 }} {{ ne 1 2 }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 2.5 1.5 }} {{ ge \"b\" \"a\" }}",
            "true true true true true true",
        ),
        ("{{ eq .model \"a\" \"llama-3.3-70b\" }}", "true"),
        ("{{ and 1 0 \"x\" }} {{ or 0 \"\" \"x\" }} {{ and 1 2 }} {{ not 0 }}", "0 x 2 true"),
        ("{{ or true (div 1 0) }}", "true"),
        (
            "{{ eq 1 1.0 }}",
            "template: line:1:3: executing \"line\" at <eq 1 1.0>: error calling eq: incompatible types for comparison",
        ),
        (
            "{{ eq .total_tokens 1430 }}",
            "template: line:1:3: executing \"line\" at <eq .total_tokens 1430>: error calling eq: incompatible types for comparison",
        ),
    ]);
}

#[test]
fn text_functions() {
    check(&[
        ("{{ .model | upper | lower | title }}", "Llama-3.3-70b"),
        (r#"{{ title "hello wOrld_x 1st" }}"#, "Hello WOrld_x 1st"),
        ("{{ trunc 5 .model }}|{{ trunc -3 .model }}|{{ trunc 99 .model }}", "llama|70b|llama-3.3-70b"),
        (
            "{{ .model | substr 0 5 }}|{{ substr -1 3 .model }}|{{ substr 6 -1 .model }}|{{ substr 6 99 .model }}",
            "llama|lla|3.3-70b|3.3-70b",
        ),
        (r#"{{ contains "3.3" .model }} {{ hasPrefix "llama" .model }} {{ hasSuffix "x" .model }}"#, "true true false"),
        ("{{ indent 2 \"a\\nb\" }}|{{ nindent 1 \"a\" }}", "  a\n  b|\n a"),
        (
            r#"{{ repeat 3 "ab" }}|{{ replace "l" "L" .model }}|{{ .model | replace "" "." }}"#,
            "ababab|LLama-3.3-70b|.l.l.a.m.a.-.3...3.-.7.0.b.",
        ),
        (r#"{{ trim "  a " }}|{{ trimAll "$" "$5$" }}|{{ trimPrefix "-" "-a" }}|{{ trimSuffix "-" "a-" }}"#, "a|5|a|a"),
        (
            r#"{{ alignLeft 3 "é" }}|{{ alignRight 3 "é" }}|{{ alignLeft 2 "abc" }}|{{ alignRight 2 "abc" }}"#,
            "é  |  é|ab|bc",
        ),
        (
            r#"{{ b64enc "hello" }} {{ b64dec "aGVsbG8=" }} {{ b64dec "a" }}"#,
            "aGVsbG8= hello illegal base64 data at input byte 0",
        ),
        (r#"{{ urlencode "a b&é" }} {{ urldecode "a+b%26" }}"#, "a+b%26%C3%A9 a b&"),
        (
            r#"{{ regexReplaceAll "(a+)b" "aab" "<$1>" }} {{ regexReplaceAllLiteral "a" "aba" "$1" }} {{ count "a" "banana" }}"#,
            "<aa> $1b$1 3",
        ),
        (
            r#"{{ ToUpper .status }} {{ ToLower "A" }} {{ Replace "aaa" "a" "b" 2 }} {{ Trim "xax" "x" }} {{ TrimLeft "xax" "x" }}"#,
            "SUCCESS a bba a ax",
        ),
        (
            r#"{{ TrimRight "xax" "x" }} {{ TrimPrefix "ab" "a" }} {{ TrimSuffix "ab" "b" }} {{ TrimSpace " a " }}"#,
            "xa b a a",
        ),
        (r#"{{ default "none" .empty }} {{ .model | default "-" }} {{ default 5 0 }}"#, "none llama-3.3-70b 5"),
        (
            r#"{{ html "<a b='c'>&" }} {{ js "it's <b>" }} {{ urlquery "a b" 1 }}"#,
            "&lt;a b=&#39;c&#39;&gt;&amp; it\\'s \\u003Cb\\u003E a+b1",
        ),
        (
            "{{ len .model }} {{ index (fromJson .json).a 2 }} {{ index . \"status\" }} {{ slice .model 1 3 }}",
            "13 x success la",
        ),
        ("{{ (fromJson .json).b.c }} {{ (fromJson .json).nope }} {{ fromJson \"nope\" }}", "d <no value> <no value>"),
        ("{{ fromJson .json }}", "map[a:[1 2.5 x <nil> true] b:map[c:d]]"),
        ("{{ upper \"straße\" }}", "STRAßE"),
    ]);
}

#[test]
fn number_functions() {
    check(&[
        ("{{ div (int .total_tokens) 10 }} {{ mulf .cost_usd 1000 }} {{ round .cost_usd 3 }}", "143 0.8716 0.001"),
        ("{{ add 3 2 5 }} {{ sub 5 2 }} {{ mul 5 2 3 }} {{ div 10 3 }} {{ mod 10 3 }}", "10 3 30 3 1"),
        (
            "{{ addf 3.5 2 5 }} {{ subf 5.5 2 1.5 }} {{ mulf 5.5 2 2 }} {{ divf 10 2 4 }} {{ addf 0.1 0.2 }}",
            "10.5 2 22 1.25 0.3",
        ),
        ("{{ max 1 3 2 }} {{ min 3 1 2 }} {{ maxf 1 2.5 }} {{ minf 5 2.5 }}", "3 1 2.5 2.5"),
        ("{{ ceil 123.001 }} {{ floor 123.9 }} {{ round 123.555555 3 }} {{ round 2.5 0 }}", "124 123 123.556 3"),
        (
            "{{ int \"12.9\" }} {{ int \"x\" }} {{ int \"0x1f\" }} {{ int 3.9 }} {{ int true }} {{ float64 \"3.5\" }} {{ \"x\" | float64 }}",
            "12 0 31 3 1 3.5 0",
        ),
        ("{{ bytes \"2 KB\" }} {{ duration \"1h30m\" }} {{ duration_seconds \"150ms\" }}", "2000 5400 0.15"),
        (
            "{{ mulf 1000000 1 }} {{ mulf 123456.5 1 }} {{ divf 1 100000 }} {{ float64 .nope }}",
            "1e+06 123456.5 1e-05 0",
        ),
        (
            "{{ div 1 0 }}",
            "template: line:1:3: executing \"line\" at <div 1 0>: error calling div: runtime error: integer divide by zero",
        ),
    ]);
}

#[test]
fn date_functions() {
    check(&[
        ("{{ __timestamp__ | date \"2006-01-02T15:04:05.00Z-07:00\" }}", "2026-11-23T03:00:02.03Z+00:00"),
        (
            "{{ __timestamp__ | unixEpoch }} {{ unixEpochMillis now }} {{ __timestamp__ | unixEpochNanos }}",
            "1795402802 1795402900000 1795402802039467917",
        ),
        (r#"{{ toDate "2006-01-02" "2021-11-02" | unixEpoch }}"#, "1635811200"),
        (r#"{{ toDateInZone "2006-01-02" "Europe/Vienna" "2021-11-02" | unixEpoch }}"#, "1635807600"),
        (r#"{{ toDate "2006-01-02" "nope" }}"#, "0001-01-01 00:00:00 +0000 UTC"),
        (
            r#"{{ date "2006-01-02" (unixToTime "1679577215") }} {{ unixToTime "19439" | date "Jan 2" }}"#,
            "2023-03-23 Mar 23",
        ),
        (r#"{{ (__timestamp__.Format "15:04") }} {{ __timestamp__.Unix }} {{ (now).Year }}"#, "03:00 1795402802 2026"),
        ("{{ date \"2006\" 0 }}", "1970"),
        (
            "{{ unixToTime \"x\" }}",
            "template: line:1:3: executing \"line\" at <unixToTime \"x\">: error calling unixToTime: unable to parse time 'x': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
    ]);
}

#[test]
fn printf() {
    check(&[
        (
            r#"{{ printf "%.10s|%-8s|%8s|%q" .model .status .status .status }}"#,
            "llama-3.3-|success | success|\"success\"",
        ),
        (
            r#"{{ printf "%d %5d %-5d| %05d %+d %x %X %o %b %c %U %q" 42 42 42 42 42 255 255 8 5 65 65 65 }}"#,
            "42    42 42   | 00042 +42 ff FF 10 101 A U+0041 'A'",
        ),
        (
            r#"{{ printf "%f %.2f %8.3f %e %g %v %G" 1.5 1.555 1.5 1500.0 0.00001 1e21 1e-7 }}"#,
            "1.500000 1.55    1.500 1.500000e+03 1e-05 1e+21 1E-07",
        ),
        (r#"{{ printf "%t %v %T %T %T" true false 1 "a" 1.5 }}"#, "true false int string float64"),
        (r#"{{ printf "%d %s %z" "foo" 1 true }}"#, "%!d(string=foo) %!s(int=1) %!z(bool=true)"),
        (
            r#"{{ printf "%d" }} {{ printf "a" 1 "b" }} {{ printf "%" }}"#,
            "%!d(MISSING) a%!(EXTRA int=1, string=b) %!(NOVERB)",
        ),
        (
            r#"{{ printf "%*d|%-*d|%.*f|%[2]d %[1]d|%[5]d" 4 7 }}"#,
            "   7|%!(BADWIDTH)%!d(MISSING)|%!(BADPREC)%!f(MISSING)|7 4|%!d(BADINDEX)",
        ),
        (r#"{{ printf "%x %X % x %#x" "hé" "hi" "abc" "abc" }}"#, "68c3a9 6869 61 62 63 0x616263"),
        (
            r#"{{ printf "%v %s" (fromJson "[1,\"a\",null]") (fromJson "{\"k\":true}") }}"#,
            "[1 a <nil>] map[k:%!s(bool=true)]",
        ),
        (r#"{{ printf "100%% %5.1f%%" 12.34 }}"#, "100%  12.3%"),
        (r#"{{ printf "%s" nil }} {{ printf "%v" .nope }}|"#, "%!s(<nil>) |"),
        (r#"{{ print 1 2 "a" 3 "b" "c" }} {{ println 1 "a" }}"#, "1 2a3bc 1 a\n"),
        (r#"{{ printf "%06.2f|%+.1e|% d|%6.2f%%" 3.14159 12345.678 7 99.5 }}"#, "003.14|+1.2e+04| 7| 99.50%"),
    ]);
}

#[test]
fn errors_of_templates() {
    check(&[
        ("{{.a", "template: line:1: unclosed action"),
        ("a\n{{ .a }", "template: line:2: unexpected \"}\" in operand"),
        ("{{", "template: line:1: unclosed action"),
        ("{{ nope .a }}", "template: line:1: function \"nope\" not defined"),
        ("{{ $x }}", "template: line:1: undefined variable \"$x\""),
        ("{{ if }}a{{ end }}", "template: line:1: missing value for if"),
        ("{{ if .a }}a", "template: line:1: unexpected EOF"),
        ("{{ end }}", "template: line:1: unexpected {{end}}"),
        ("{{ else }}", "template: line:1: unexpected {{else}}"),
        ("{{ }}", "template: line:1: missing value for command"),
        ("{{ (.a }}", "template: line:1: unclosed left paren"),
        ("{{ .a) }}", "template: line:1: unexpected right paren"),
        ("{{ \"a }}", "template: line:1: unterminated quoted string"),
        ("{{ break }}", "template: line:1: {{break}} outside {{range}}"),
        ("{{ .a | 1 }}", "template: line:1: non executable command in pipeline stage 2"),
        ("{{ 1x }}", "template: line:1: bad number syntax: \"1x\""),
        ("{{/* a }}", "template: line:1: unclosed comment"),
        ("{{ .a..b }}", "template: line:1: unexpected <.> in operand"),
        ("{{ 1.a }}", "template: line:1: bad number syntax: \"1.a\""),
        ("{{ range $a, $b, $c := . }}{{ end }}", "template: line:1: too many declarations in range"),
        (
            "{{ template \"x\" }}",
            "template: line:1:3: executing \"line\" at <{{template \"x\"}}>: template \"x\" not defined",
        ),
    ]);
}

#[test]
fn errors_in_execution() {
    let at = |place: &str, node: &str, words: &str| {
        format!("template: line:{place}: executing \"line\" at <{node}>: {words}")
    };
    for (template, error) in [
        ("{{ .model.a }}", at("1:9", ".model.a", "can't evaluate field a in type string")),
        ("{{ lower 1 }}", at("1:9", "1", "expected string; found 1")),
        ("{{ lower }}", at("1:3", "lower", "wrong number of args for lower: want 1 got 0")),
        ("{{ .model | trunc }}", at("1:12", "trunc", "wrong number of args for trunc: want 2 got 1")),
        ("{{ trunc .model .model }}", at("1:9", ".model", "wrong type for value; expected int; got string")),
        ("{{ 5 | lower }}", at("1:7", "lower", "wrong type for value; expected string; got int")),
        ("{{ add 1 2 | lower }}", at("1:13", "lower", "wrong type for value; expected string; got int64")),
        ("{{ .model Replace 1 }}", at("1:3", ".model", "model is not a method but has arguments")),
        ("{{ 1 | .model }}", at("1:7", ".model", "model is not a method but has arguments")),
        ("{{ .model 1 }}", at("1:3", ".model", "model is not a method but has arguments")),
        ("{{ 1 2 }}", at("1:3", "1", "can't give argument to non-function 1")),
        ("{{ nil }}", at("1:3", "nil", "nil is not a command")),
        (
            "{{ duration .model }}",
            at("1:3", "duration .model", "error calling duration: time: invalid duration \"llama-3.3-70b\""),
        ),
        (
            "{{ bytes .model }}",
            at("1:3", "bytes .model", "error calling bytes: strconv.ParseFloat: parsing \"\": invalid syntax"),
        ),
        (
            "{{ substr 5 2 .model }}",
            at("1:3", "substr 5 2 .model", "error calling substr: runtime error: slice bounds out of range [5:2]"),
        ),
        (
            "{{ index (fromJson .json).a 9 }}",
            at("1:3", "index (fromJson .json).a 9", "error calling index: index out of range: 9"),
        ),
        (
            "{{ range .model }}x{{ end }}",
            at("1:3", "{{range .model}}x{{end}}", "range can't iterate over llama-3.3-70b"),
        ),
        ("{{ eq .model }}", at("1:3", "eq .model", "error calling eq: missing argument for comparison")),
        (
            "{{ regexReplaceAll \"(\" .model \"\" }}",
            at(
                "1:3",
                "regexReplaceAll \"(\" .model \"\"",
                "error calling regexReplaceAll: error parsing regexp: missing closing ): `(`",
            ),
        ),
        ("a\n  {{ unixEpoch .model }}", at("2:15", ".model", "wrong type for value; expected time.Time; got string")),
        ("{{ (fromJson .json).x.y }}", at("1:19", "(fromJson .json).x.y", "nil pointer evaluating interface {}.y")),
    ] {
        assert_eq!(render(template), error, "{template}");
    }
}

#[test]
fn what_is_done_is_bounded() {
    let error = |template: &str| {
        let words = render(template);
        assert!(words.starts_with("template: line"), "{template}: {}", &words[..words.len().min(200)]);
    };
    error("{{ repeat 1000000000 \"abcdefgh\" }}");
    error("{{ range 1000000000 }}x{{ end }}");
    error("{{ range 100000 }}{{ range 100000 }}x{{ end }}{{ end }}");
    error("{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}");
    error("{{ range 1000 }}{{ repeat 100000 \"x\" }}{{ end }}");
    error("{{ printf \"%999999d%999999d%999999d%999999d%999999d\" 1 2 3 4 5 }}");
    error(&format!("{{{{ {}1{} }}}}", "(".repeat(1000), ")".repeat(1000)));
    error(&"{{ if true }}".repeat(1000));
    let _ = render(&format!("{{{{ indent 1000000 \"{}\" }}}}", "\\n".repeat(1000)));
}

#[test]
fn what_is_mentioned() {
    let template = |text: &str| Template::parse("line", text).expect(text);
    let mixed = template(
        "{{ if .a }}{{ range $x := .b }}{{ $x.c | printf .d }}{{ end }}{{ else }}{{ (index .e 1).f }}{{ end }}",
    );
    assert_eq!(mixed.fields(), ["a", "b", "c", "d", "e", "f"]);
    assert!(!mixed.reads_line() && !mixed.reads_all());
    assert!(template("{{ __line__ | lower }}").reads_line());
    assert!(template("{{ print . }}").reads_all() && template("{{ index $ \"a\" }}").reads_all());
    assert!(!template("{{ $.a }}").reads_all());
    assert_eq!(template("{{ define \"x\" }}{{ .q }}{{ end }}").fields(), ["q"]);
}
