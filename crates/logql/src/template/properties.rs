//! What must hold for any value: dates read back, numbers print as they should.

use proptest::prelude::*;

use super::time::{Time, Zone};
use super::{Lookup, Template};

struct One(String);

impl Lookup for One {
    fn label(&self, name: &str) -> Option<&str> {
        (name == "v").then_some(&self.0)
    }
    fn labels(&self) -> Vec<(&str, &str)> {
        vec![("v", &self.0)]
    }
    fn line(&self) -> &[u8] {
        self.0.as_bytes()
    }
    fn timestamp_ns(&self) -> i64 {
        0
    }
    fn now_ns(&self) -> i64 {
        0
    }
}

fn render(template: &str, value: impl ToString) -> String {
    let mut out = Vec::new();
    let template = Template::parse("line", template).expect("a template");
    template.render(&One(value.to_string()), &mut out).expect("renders");
    String::from_utf8(out).expect("text")
}

proptest! {
    #[test]
    fn dates_read_back(nanoseconds: i64) {
        let time = Time::from_unix_ns(nanoseconds);
        for layout in ["2006-01-02T15:04:05.999999999Z07:00", "Mon, 02 Jan 2006 15:04:05.000000000 -0700", "2006 002 3:04:05PM .999999999"] {
            let text = time.format(layout);
            prop_assert_eq!(Time::parse(layout, &text, &Zone::Utc), Some(time.clone()), "{}", text);
        }
    }

    #[test]
    fn integers_print_as_they_should(number: i64, width in 0usize..12) {
        prop_assert_eq!(render("{{ int .v }}", number), number.to_string());
        let template = format!("{{{{ printf \"%{width}d|%0{width}d|%-{width}d|%x\" (int .v) (int .v) (int .v) 255 }}}}");
        prop_assert_eq!(render(&template, number), format!("{number:width$}|{number:0width$}|{number:<width$}|ff"));
    }

    #[test]
    fn floats_read_back(number in prop::num::f64::NORMAL) {
        let shown = render("{{ float64 .v }}", number);
        prop_assert_eq!(shown.parse::<f64>(), Ok(number), "{}", shown);
        prop_assert_eq!(render("{{ printf \"%.3f\" (float64 .v) }}", number), format!("{number:.3}"));
    }

    #[test]
    fn sums_are_decimal(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
        let (x, y) = (a as f64 / 1000.0, b as f64 / 1000.0);
        let sum = render(&format!("{{{{ addf .v {y:?} | printf \"%v\" }}}}"), x);
        prop_assert_eq!(sum.parse::<f64>(), Ok((a + b) as f64 / 1000.0));
        let product = render(&format!("{{{{ mulf .v {y:?} | printf \"%v\" }}}}"), x);
        prop_assert_eq!(product.parse::<f64>(), Ok((a as i128 * b as i128) as f64 / 1_000_000.0));
    }

    #[test]
    fn text_comes_back_from_its_encodings(text in ".*") {
        prop_assert_eq!(render("{{ .v | b64enc | b64dec }}{{ .v | urlencode | urldecode }}", &text), format!("{text}{text}"));
    }
}
